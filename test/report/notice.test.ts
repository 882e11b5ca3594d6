import { describe, expect, it } from 'vitest'
import { noticeOf } from '../../src/report/notice.ts'
import type { Report } from '../../src/report/report.ts'
import { report, snapshot } from '../support/sample-report.ts'

const usual = { concurrency: 8, chunkBytes: 8 * 1024 * 1024, fetchDepth: 1, fetchTags: false }
const tiny = { ...usual, chunkBytes: 64 * 1024 }
const timeline = [{ stage: 'freshen', startMs: 100, endMs: 3_200 }] as const
const slow: Report = { ...report, freshenedBy: 'none', timeline }

describe('a notice', () => {
  it.each<[string, Report, typeof usual, string]>([
    [
      'one stream',
      report,
      { ...usual, concurrency: 1 },
      'with concurrency 1 the snapshot came as one stream',
    ],
    [
      'many small requests',
      { ...report, requests: 1884 },
      tiny,
      'with chunk-size 64 KiB it took 1,884 requests',
    ],
    [
      'branches for nothing',
      slow,
      { ...usual, fetchDepth: 0 },
      'fetch-depth 0 had all branches and tags fetched from the origin, which took 3.1 s',
    ],
    [
      'tags',
      slow,
      { ...usual, fetchTags: true },
      'fetch-tags had all tags fetched from the origin, which took 3.1 s',
    ],
    [
      'history that a snapshot is without',
      { ...slow, snapshot: { ...snapshot, isShallow: true } },
      { ...usual, fetchDepth: 0 },
      'fetch-depth 0 had the history fetched from the origin, which took 3.1 s (the snapshot has none of it)',
    ],
  ])('is given of %s', (_, of, settings, words) => {
    expect(noticeOf(of, settings)).toContain(`Settings have cost time: ${words}`)
  })

  it('has all reasons in one', () => {
    const settings = { ...tiny, concurrency: 1, fetchDepth: 0 }
    expect(noticeOf({ ...slow, requests: 1884 }, settings)?.split('; ')).toHaveLength(3)
  })

  it.each<[string, Report, typeof usual]>([
    ['the defaults', slow, usual],
    ['one stream of little', { ...report, bytes: 1_000_000 }, { ...usual, concurrency: 1 }],
    ['small requests for little', { ...report, bytes: 1_000_000 }, tiny],
    ['a fetch that took no time', { ...slow, timeline: [] }, { ...usual, fetchDepth: 0 }],
    ['a fetch that was needed', { ...slow, freshenedBy: 'origin' }, { ...usual, fetchDepth: 0 }],
    ['no snapshot', { ...slow, snapshot: undefined }, { ...usual, fetchDepth: 0 }],
  ])('is not given of %s', (_, of, settings) => {
    expect(noticeOf(of, settings)).toBeUndefined()
  })
})
