import { describe, expect, it } from 'vitest'
import { lineOf, outputsOf, progressLine, type Report } from '../src/report.ts'
import { readActionMetadata } from './support/action-metadata.ts'

const report: Report = {
  source: 'cachew',
  repository: 'octo/project',
  commit: '0123456789abcdef0123456789abcdef01234567',
  etag: '"v1"',
  bytes: 123_456_789,
  unpackedBytes: 400_000_000,
  files: 47_412,
  requests: 15,
  retries: 0,
  openMs: 12.4,
  restoreMs: 1234.5,
  settleMs: 99.6,
  totalMs: 1400.2,
}

describe('the outputs of a report', () => {
  it('are those that action.yml describes', () => {
    const { outputs } = readActionMetadata('action.yml')
    expect(Object.keys(outputsOf(report)).sort()).toEqual([...outputs].sort())
  })

  it('are whole numbers, but for the rate', () => {
    expect(outputsOf(report)).toEqual({
      outcome: 'restored',
      source: 'cachew',
      'snapshot-hit': 'true',
      'snapshot-commit': report.commit,
      commit: report.commit,
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
    const outputs = outputsOf({ ...report, etag: undefined, restoreMs: 0 })
    expect(outputs).toMatchObject({ etag: '', 'megabytes-per-second': '0.0' })
  })
})

describe('the line of a report', () => {
  it('says what, from where, how much and how fast', () => {
    expect(lineOf(report)).toBe(
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
    expect(lineOf({ ...report, source: 'url', bytes: 1_522_091 })).toContain(
      'from the URL: 47,412 files, 1.5 MB in',
    )
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
