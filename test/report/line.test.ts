import { describe, expect, it } from 'vitest'
import { lineOf } from '../../src/report/line.ts'
import type { Report } from '../../src/report/report.ts'
import { report, snapshot } from '../support/sample-report.ts'

const restored: Report = { ...report, freshenedBy: 'none' }

describe('the line of a restore', () => {
  it('says what, from where, how much and how fast', () => {
    expect(lineOf(restored)).toBe(
      'Restored octo/project at 0123456 from Cachew: 47,412 files, 123 MB in 1.4 s (88 MB/s)',
    )
  })

  it.each<[string, Partial<Report>, string]>([
    ['one repeat', { retries: 1 }, 'in 1.4 s (88 MB/s, 1 retry)'],
    ['many', { retries: 1234 }, 'in 1.4 s (88 MB/s, 1,234 retries)'],
    ['where it is not the workspace itself', { path: 'lib/a' }, 'at 0123456 into lib/a from Cachew: '],
    ['a small one, whose speed says nothing', { bytes: 22_091 }, '47,412 files, 0.0 MB in 1.4 s'],
    [
      'no URL, which may be long',
      { snapshot: { ...snapshot, source: 'url' } },
      'from the URL: 47,412 files, 123 MB in',
    ],
    [
      'what this machine kept, of which nothing came over the wire',
      { snapshot: { ...snapshot, source: 'store' }, bytes: 0 },
      "from this machine's store: 47,412 files, 123 MB in 1.4 s (88 MB/s)",
    ],
  ])('tells of %s', (_, changes, words) => {
    expect(lineOf({ ...restored, ...changes })).toContain(words)
  })

  it.each<[number | undefined, Report['freshenedBy'], string]>([
    [3, 'bundle', '(88 MB/s); snapshot was 3 commits behind'],
    [1, 'origin', '(88 MB/s); snapshot was 1 commit behind'],
    [1000, 'server', '(88 MB/s); snapshot was at least 1,000 commits behind'],
    [undefined, 'bundle', '(88 MB/s); a bundle of the server brought the commit'],
    [undefined, 'server', "(88 MB/s); the server's mirror brought the commit"],
    [undefined, 'origin', '(88 MB/s); the commit was fetched from the origin'],
    [0, 'none', '(88 MB/s)'],
  ])('a snapshot that was %s behind, and freshened by %s', (behind, freshenedBy, words) => {
    const line = lineOf({ ...restored, freshenedBy, snapshot: { ...snapshot, behind } })
    expect(line.endsWith(words)).toBe(true)
  })
})

const missed = { code: 'NOT_FOUND', words: 'it answered 404' } as const

describe('the line of a step without a snapshot', () => {
  it.each<[Partial<Report>, string]>([
    [{ outcome: 'reused' }, 'Reused the clone of octo/project at 0123456 that was there, in 1.4 s'],
    [
      { outcome: 'reused', freshenedBy: 'origin' },
      'Reused the clone of octo/project at 0123456 that was there, in 1.4 s; the commit was fetched from the origin',
    ],
    [{ outcome: 'fetched' }, 'Fetched octo/project at 0123456 from https://github.com in 1.4 s'],
    [
      { outcome: 'fetched', missed },
      'Fetched octo/project at 0123456 from https://github.com in 1.4 s; no snapshot was restored (NOT_FOUND)',
    ],
    [
      { outcome: 'skipped', commit: '', missed },
      'Left the workspace as it is: no snapshot of octo/project, and on-miss is skip',
    ],
  ])('%j', (changes, words) => {
    expect(lineOf({ ...restored, snapshot: undefined, ...changes })).toBe(words)
  })
})
