import { describe, expect, it } from 'vitest'
import { outputsOf } from '../../src/report/report.ts'
import { readActionMetadata } from '../support/action-metadata.ts'
import { report, snapshot } from '../support/sample-report.ts'

describe('the outputs of a report', () => {
  it('are those that action.yml describes, but for the file of the report', () => {
    const { outputs } = readActionMetadata('action.yml')
    expect([...Object.keys(outputsOf(report)), 'report'].sort()).toEqual([...outputs].sort())
  })

  it('are whole numbers, but for the rate', () => {
    expect(outputsOf(report)).toEqual({
      ref: 'refs/heads/main',
      commit: report.commit,
      outcome: 'restored',
      'freshened-by': 'bundle',
      source: 'cachew',
      'snapshot-hit': 'true',
      'snapshot-commit': snapshot.commit,
      etag: '"v1"',
      bytes: '123456789',
      'unpacked-bytes': '400000000',
      files: '47412',
      requests: '15',
      retries: '0',
      'open-ms': '12',
      'restore-ms': '1235',
      'settle-ms': '100',
      'total-ms': '1400',
      'megabytes-per-second': '100.0',
    })
  })

  it('have an empty ETag where there is none, and a rate of 0 for no time at all', () => {
    const outputs = outputsOf({ ...report, snapshot: { ...snapshot, etag: undefined }, restoreMs: 0 })
    expect(outputs).toMatchObject({ etag: '', 'megabytes-per-second': '0.0' })
  })

  it('tell of no snapshot where none was restored', () => {
    const outputs = outputsOf({ ...report, outcome: 'fetched', freshenedBy: 'none', snapshot: undefined })
    const none = { source: 'none', 'snapshot-hit': 'false', 'snapshot-commit': '', files: '0' }
    expect(outputs).toMatchObject({ ...none, outcome: 'fetched', 'unpacked-bytes': '0' })
  })
})
