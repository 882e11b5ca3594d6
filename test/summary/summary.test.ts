import { describe, expect, it } from 'vitest'
import type { Report } from '../../src/report/report.ts'
import type { Trouble } from '../../src/report/trouble.ts'
import { reasonsOf, summaryOf } from '../../src/summary/summary.ts'
import { withoutCode } from '../support/code-spans.ts'
import { report, snapshot } from '../support/sample-report.ts'

const slow: Report = {
  ...report,
  freshenedBy: 'none',
  bytes: 270_000_000,
  requests: 34,
  snapshot: {
    ...snapshot,
    behind: 0,
    spent: { networkMs: 20_300, decodeMs: 100, parseMs: 500, filesMs: 900 },
  },
  timeline: [
    { stage: 'find commit', startMs: 2, endMs: 310 },
    { stage: 'open', startMs: 311, endMs: 811 },
    { stage: 'download', startMs: 812, endMs: 22_400 },
    { stage: 'unpack', startMs: 812, endMs: 22_612 },
    { stage: 'git', startMs: 15_000, endMs: 15_300 },
    { stage: 'index', startMs: 22_613, endMs: 22_800 },
    { stage: 'check out', startMs: 22_801, endMs: 22_900 },
    { stage: 'move into place', startMs: 22_901, endMs: 22_990 },
  ],
  openMs: 500,
  restoreMs: 21_800,
  settleMs: 380,
  totalMs: 23_000,
}

const retried: Report = {
  ...report,
  retries: 3,
  repeats: [
    {
      code: 'SERVER_ERROR',
      count: 2,
      words: 'GET https://cachew.example/git/github.com/octo/project/snapshot.tar.zst: 503',
    },
    { code: 'STALLED', count: 1, words: 'bytes 8388608-16777215: nothing came for 30 s' },
  ],
}

const fetched: Report = {
  ...report,
  outcome: 'fetched',
  missed: {
    code: 'NOT_FOUND',
    words: 'no snapshot at https://cachew.example/git/github.com/octo/project/snapshot.tar.zst: 404',
  },
  freshenedBy: 'none',
  snapshot: undefined,
  bytes: 0,
  requests: 1,
  timeline: [
    { stage: 'find commit', startMs: 2, endMs: 210 },
    { stage: 'open', startMs: 211, endMs: 251 },
    { stage: 'fetch', startMs: 260, endMs: 5_260 },
    { stage: 'check out', startMs: 5_261, endMs: 6_961 },
    { stage: 'move into place', startMs: 6_962, endMs: 6_990 },
  ],
  openMs: 40,
  restoreMs: 0,
  settleMs: 6_730,
  totalMs: 7_000,
}

const reused: Report = {
  ...fetched,
  outcome: 'reused',
  missed: undefined,
  freshenedBy: 'origin',
  path: 'deps/project',
  requests: 0,
  timeline: [
    { stage: 'find commit', startMs: 1, endMs: 150 },
    { stage: 'reuse', startMs: 160, endMs: 220 },
    { stage: 'freshen', startMs: 221, endMs: 621 },
    { stage: 'check out', startMs: 622, endMs: 690 },
  ],
  openMs: 0,
  settleMs: 535,
  totalMs: 700,
}

const stored: Report = {
  ...report,
  freshenedBy: 'none',
  snapshot: {
    ...snapshot,
    source: 'store',
    place: 'the snapshot that this machine has kept of octo/project',
    behind: 3,
  },
  bytes: 0,
  requests: 1,
}

const failed: Report = {
  ...report,
  outcome: 'failed',
  error: {
    code: 'CORRUPT_ZSTD',
    words: 'https://cachew.example/git/github.com/octo/project/snapshot.tar.zst: bad block at byte 7340032',
  },
  commit: '',
  freshenedBy: 'none',
  snapshot: undefined,
  timeline: report.timeline.filter(({ stage }) =>
    ['find commit', 'open', 'download', 'unpack'].includes(stage),
  ),
  settleMs: 0,
  totalMs: 1320,
}

describe('the summary of a step', () => {
  it.each([
    ['restored-and-fast', report],
    ['retried', retried],
    ['slow-network', slow],
    ['missed-and-fetched', fetched],
    ['reused', reused],
    ['from-the-store', stored],
    ['failed', failed],
  ])('is this page where it was %s', async (name, told) => {
    await expect(summaryOf(told)).toMatchFileSnapshot(`summaries/${name}.md`)
  })

  it('has a heading that names the path, where it is not the workspace itself', () => {
    expect(summaryOf(report)).toMatch(/^### Restored `octo\/project` in 1\.4 s\n/)
    expect(summaryOf({ ...report, path: 'a/b' })).toMatch(/^### Restored `octo\/project` in `a\/b` in 1/)
  })

  it('leads to the commit at the GitHub server of the job', () => {
    const serverUrl = 'https://github.corp.example:8443'
    const address = `<${serverUrl}/octo/project/commit/${report.commit}>`
    expect(summaryOf({ ...report, serverUrl })).toContain(`[\`0123456\`](${address})`)
  })

  it('stays far below what GitHub takes, whatever errors say', () => {
    const trouble: Trouble = { code: 'GIT_FAILED', words: 'x'.repeat(100_000) }
    const repeats = Array.from({ length: 40 }, () => ({ ...trouble, count: 1 }))
    const told = { ...report, ref: 'y'.repeat(100_000), missed: trouble, retries: 40, repeats }
    expect(summaryOf(told).length).toBeLessThan(40_000)
  })
})

describe('what others wrote', () => {
  const EVIL =
    '`</sub><img src=x onerror=alert(1)>`` | [x](javascript:x)\n\n# x\n```mermaid\ngantt\n```\n@octo ::error::x'
  const words = { code: 'SERVER_ERROR', words: EVIL } as const
  const told: Report = {
    ...report,
    ref: EVIL,
    path: EVIL,
    snapshot: { ...snapshot, place: EVIL },
    missed: words,
    error: words,
    restarts: [words],
    retries: 1,
    repeats: [{ ...words, count: 1 }],
  }
  const summary = summaryOf(told)
  const plain = summaryOf({
    ...told,
    ref: 'x',
    path: 'x',
    snapshot: { ...snapshot, place: 'x' },
    missed: { ...words, words: 'x' },
    error: { ...words, words: 'x' },
    restarts: [{ ...words, words: 'x' }],
    repeats: [{ ...words, words: 'x', count: 1 }],
  })

  it('adds no line to the summary, so no heading, table, fence or chart', () => {
    expect(summary.split('\n')).toHaveLength(plain.split('\n').length)
  })

  it('is in code spans alone, where nothing is Markdown, HTML or a mention', () => {
    expect(withoutCode(summary)).toBe(withoutCode(plain))
  })
})

describe('a summary that nobody asked for', () => {
  const changed: readonly [Partial<Report>, readonly string[]][] = [
    [{}, []],
    [{ totalMs: 14_999 }, []],
    [{ totalMs: 15_000 }, ['it took 15 s or more']],
    [{ retries: 1 }, ['requests were repeated']],
    [{ restarts: [{ code: 'SNAPSHOT_CHANGED', words: 'x' }] }, ['the restore began again']],
    [
      { missed: { code: 'NOT_FOUND', words: 'x' }, retries: 1 },
      ['no snapshot was restored', 'requests were repeated'],
    ],
    [{ error: { code: 'NOT_FOUND', words: 'x' } }, ['the step failed']],
    [{ error: { code: 'CANCELLED', words: 'x' }, retries: 1, totalMs: 20_000 }, []],
  ]

  it.each(changed)('for %j has the reasons %j', (changes, reasons) => {
    expect(reasonsOf({ ...report, ...changes })).toEqual(reasons)
  })
})
