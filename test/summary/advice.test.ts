import { describe, expect, it } from 'vitest'
import type { Report, SnapshotReport } from '../../src/report/report.ts'
import type { StageName } from '../../src/report/timeline.ts'
import { adviceOn } from '../../src/summary/advice.ts'
import type { Waited } from '../../src/summary/bottleneck.ts'
import { readActionMetadata } from '../support/action-metadata.ts'
import { report, snapshot } from '../support/sample-report.ts'

function advice(of: Waited, changes: Partial<Report> = {}): string {
  return adviceOn({ of, ms: 1000 }, { ...report, ...changes })
}

function about(changes: Partial<SnapshotReport>): Partial<Report> {
  return { snapshot: { ...snapshot, ...changes } }
}

/** A step whose git part was this stage alone. */
function longIn(stage: StageName): Partial<Report> {
  return { timeline: [{ stage, startMs: 0, endMs: 9000 }] }
}

const missed = { code: 'NOT_FOUND', words: 'x' } as const

describe('what is to be changed where', () => {
  const cases: readonly [string, Waited, Partial<Report>, string][] = [
    ['concurrency is 1', 'network', { concurrency: 1 }, 'since `concurrency` is 1'],
    ['the server gave no ranges', 'network', about({ etag: undefined }), 'the server gave no ranges'],
    ['there was one request', 'network', { requests: 1 }, 'the server gave no ranges'],
    ['there were many connections', 'network', {}, '`concurrency` is 8'],
    ['one request was enough', 'network', { requests: 1, ...about({ totalBytes: 1000 }) }, 'each is slow'],
    ['the Actions cache was slow', 'network', about({ source: 'actions-cache' }), 'without history'],
    ['the store was slow', 'network', about({ source: 'store' }), 'a faster disk for `store`'],
    ['the server made the snapshot first', 'first reply', {}, 'the action `warm`'],
    ['the server never answered', 'first reply', { missed, snapshot: undefined }, 'see above'],
    ['files held it up', 'files', {}, '47,412 files were written'],
    ['decoding held it up', 'decode', {}, 'more cores'],
    ['the GitHub server held it up', 'find commit', {}, '`ref`'],
    ['the snapshot was old', 'git', longIn('freshen'), '`save` or `warm` run more often'],
    ['more was asked for', 'git', { ...longIn('freshen'), freshenedBy: 'none' }, '`fetch-depth` is 0'],
    ['all was fetched', 'git', { ...longIn('fetch'), missed }, 'With a snapshot'],
    ['all was fetched on purpose', 'git', longIn('fetch'), '`source` is none'],
    ['it was for LFS', 'git', longIn('lfs'), '`lfs`'],
    ['it was for submodules', 'git', longIn('submodules'), '`submodules`'],
    ['git read files', 'git', longIn('check out'), 'a faster disk'],
  ]

  it.each(cases)('%s', (_, of, changes, words) => {
    expect(advice(of, changes)).toContain(words)
  })

  it('nobody knows a remedy is said by nothing', () => {
    expect([
      advice('other'),
      advice('failed attempts'),
      advice('first reply', about({ source: 'url' })),
    ]).toEqual(['', '', ''])
  })

  it('an input is named there is such an input', () => {
    const inputs = readActionMetadata('action.yml').defaults
    const named = cases.flatMap(([, of, changes]) => [...advice(of, changes).matchAll(/`([a-z-]+)`/g)])
    const actions = ['save', 'warm']
    const unknown = named
      .map(([, name = '']) => name)
      .filter((name) => !inputs.has(name) && !actions.includes(name))
    expect(unknown).toEqual([])
  })
})
