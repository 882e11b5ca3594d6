import { describe, expect, it } from 'vitest'
import type { Report } from '../../src/report/report.ts'
import type { Span } from '../../src/report/timeline.ts'
import { longestOf, stageOf, waitsOf } from '../../src/summary/bottleneck.ts'
import { report } from '../support/sample-report.ts'

/** The waits in whole milliseconds, by what they are of. */
function roundedWaits(changes: Partial<Report> = {}): Readonly<Record<string, number>> {
  return Object.fromEntries(waitsOf({ ...report, ...changes }).map(({ of, ms }) => [of, Math.round(ms)]))
}

describe('the waits of a step', () => {
  it('are together the time that it took', () => {
    expect(roundedWaits()).toEqual({
      'find commit': 49,
      network: 100,
      decode: 320,
      files: 800,
      git: 100,
      other: 32,
    })
    expect(waitsOf(report).reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(report.totalMs)
  })

  it('are not there where they are less than a hundredth, all others together too', () => {
    const { network, other, ...others } = roundedWaits({ totalMs: 70_000, settleMs: 68_650 })
    expect(others).toEqual({ files: 800, git: 68_650 })
    expect([network, other]).toEqual([undefined, undefined])
  })

  it('tell what an attempt that failed has taken, whatever it waited for', () => {
    expect(roundedWaits({ snapshot: undefined })).toMatchObject({
      'find commit': 49,
      'failed attempts': 1235,
    })
    const restarts = [{ code: 'SNAPSHOT_CHANGED', words: 'x' }] as const
    expect(roundedWaits({ restarts, restoreMs: 2220 })).toMatchObject({ 'failed attempts': 1000 })
  })

  it('have one that is the longest', () => {
    expect(longestOf(waitsOf(report))).toEqual({ of: 'files', ms: 800 })
    expect(longestOf([])).toBeUndefined()
  })
})

describe("the stage that git's wait was spent in", () => {
  const span = (stage: Span['stage'], startMs: number, endMs: number): Span => ({ stage, startMs, endMs })

  it('is the one that took longest after the last file', () => {
    const unpack = span('unpack', 0, 1000)
    const timeline = [unpack, span('freshen', 100, 1100), span('check out', 1100, 1300)]
    expect(stageOf('git', { ...report, timeline })).toBe('check out')
    expect(stageOf('git', { ...report, timeline: [span('reuse', 0, 50), span('freshen', 50, 900)] })).toBe(
      'freshen',
    )
    expect(stageOf('git', { ...report, timeline: [unpack] })).toBeUndefined()
  })
})
