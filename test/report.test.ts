import { describe, expect, it } from 'vitest'
import { lineOf, outputsOf, progressLine, type Report } from '../src/report.ts'
import { readActionMetadata } from './support/action-metadata.ts'
import { report, snapshot } from './support/sample-report.ts'

describe('the outputs of a report', () => {
  it('are those that action.yml describes', () => {
    const { outputs } = readActionMetadata('action.yml')
    expect(Object.keys(outputsOf(report)).sort()).toEqual([...outputs].sort())
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

describe('the line of a report', () => {
  it('says what, from where, how much and how fast', () => {
    expect(lineOf({ ...report, freshenedBy: 'none' })).toBe(
      'Restored octo/project at 0123456 from Cachew: 47,412 files, 123 MB in 1.4 s (100 MB/s)',
    )
  })

  it.each([
    [1, '(100 MB/s, 1 retry)'],
    [2, '(100 MB/s, 2 retries)'],
  ])('tells of %i retries', (retries, words) => {
    expect(lineOf({ ...report, retries })).toContain(words)
  })

  it('names no URL, and shows small sizes with a decimal', () => {
    expect(lineOf({ ...report, snapshot: { ...snapshot, source: 'url' }, bytes: 1_522_091 })).toContain(
      'from the URL: 47,412 files, 1.5 MB in',
    )
  })
})

describe('the line of a step that was not a mere restore', () => {
  it.each<[Partial<Report>, string]>([
    [{}, '(100 MB/s); freshened by a bundle of the server'],
    [{ freshenedBy: 'origin' }, '(100 MB/s); freshened from the origin'],
    [
      { outcome: 'reused', freshenedBy: 'none' },
      "Reused the workspace's clone of octo/project at 0123456, in 1.4 s",
    ],
    [
      { outcome: 'fetched', freshenedBy: 'none' },
      'Fetched octo/project at 0123456 from the origin, in 1.4 s',
    ],
    [
      { outcome: 'skipped', commit: '' },
      'Left the workspace as it is: no snapshot of octo/project, and on-miss is skip',
    ],
  ])('%j', (changes, words) => {
    expect(lineOf({ ...report, ...changes })).toContain(words)
  })
})

describe('a progress line', () => {
  it.each<[number, number | undefined, number, string]>([
    [50_000_000, 200_000_000, 1000, 'Received 50 MB of 200 MB (25 %, 50 MB/s)'],
    [1_999_999, 2_000_000, 1000, 'Received 2.0 MB of 2.0 MB (99 %, 2 MB/s)'],
    [300_000_000, 200_000_000, 1000, 'Received 300 MB of 200 MB (100 %, 300 MB/s)'],
    [50_000_000, undefined, 2000, 'Received 50 MB (25 MB/s)'],
    [0, 0, 0, 'Received 0.0 MB (0 MB/s)'],
  ])('for %i of %s bytes after %i ms', (bytes, total, elapsedMs, line) => {
    expect(progressLine(bytes, total, elapsedMs)).toBe(line)
  })
})
