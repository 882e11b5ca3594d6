import { describe, expect, it } from 'vitest'
import type { Span } from '../../src/report/timeline.ts'
import { gantt } from '../../src/summary/gantt.ts'
import { report } from '../support/sample-report.ts'

function linesOf(timeline: readonly Span[]): readonly string[] {
  return (gantt(timeline, undefined) ?? '').split('\n').map((line) => line.trim())
}

function barsOf(timeline: readonly Span[]): readonly string[] {
  return linesOf(timeline).filter((line) => line.includes(' :'))
}

describe('the chart of a timeline', () => {
  it('has a section for each stage, whose bars say how long they are', () => {
    const timeline: Span[] = [
      { stage: 'open', startMs: 2, endMs: 252 },
      { stage: 'unpack', startMs: 250, endMs: 20_000 },
      { stage: 'open', startMs: 20_000, endMs: 21_000 },
    ]
    expect(linesOf(timeline).slice(6)).toEqual([
      'section open',
      '250 ms :00:00:00.000, 00:00:00.252',
      '1.0 s :00:00:20.000, 00:00:21.000',
      'section unpack',
      '19.8 s :00:00:00.250, 00:00:20.000',
    ])
  })

  it('shows the marked stage in another colour', () => {
    const lines = gantt(report.timeline, 'unpack')?.split('\n') ?? []
    expect(lines.filter((line) => line.includes(':crit,'))).toEqual([
      '  1.2 s :crit, 00:00:00.064, 00:00:01.299',
    ])
  })

  it('is of the words of this action and of numbers alone', () => {
    const [init, ...lines] = gantt(report.timeline, 'unpack')?.split('\n') ?? []
    expect(init).toMatch(/^%%\{init: \{[\w":{},# ]+\}\}%%$/)
    for (const line of lines) {
      expect(line).toMatch(
        /^(gantt| {2}dateFormat HH:mm:ss\.SSS| {2}(axisFormat|tickInterval|todayMarker) [\w%.: -]+| {2}section [a-z ]+| {2}[\d.]+ m?s :(crit, )?[\d:.]+, [\d:.]+)$/,
      )
    }
  })

  it('begins at 0 with its first bar, and with no other', () => {
    const timeline: Span[] = [
      { stage: 'open', startMs: 8, endMs: 100 },
      { stage: 'download', startMs: 9, endMs: 1000 },
    ]
    expect(barsOf(timeline)).toEqual([
      '92 ms :00:00:00.000, 00:00:00.100',
      '991 ms :00:00:00.009, 00:00:01.000',
    ])
  })

  it('leaves out bars that nobody would see', () => {
    const timeline: Span[] = [
      { stage: 'find commit', startMs: 0, endMs: 3 },
      { stage: 'fetch', startMs: 3, endMs: 900 },
      { stage: 'check out', startMs: 900, endMs: 1000 },
    ]
    expect(barsOf(timeline)).toEqual([
      '897 ms :00:00:00.000, 00:00:00.900',
      '100 ms :00:00:00.900, 00:00:01.000',
    ])
  })

  it('is not there without two bars to compare', () => {
    const timeline: Span[] = [
      { stage: 'find commit', startMs: 0, endMs: 0.4 },
      { stage: 'open', startMs: 1, endMs: 90 },
    ]
    for (const spans of [[], timeline]) expect(gantt(spans, undefined)).toBeUndefined()
  })

  it('has at most twelve bars, the longest, in the order of the timeline', () => {
    const timeline = Array.from(
      { length: 20 },
      (_, i): Span => ({ stage: 'git', startMs: i, endMs: i + 100 + i }),
    )
    const bars = barsOf(timeline)
    expect(bars).toHaveLength(12)
    expect([bars.at(0), bars.at(-1)]).toEqual([
      expect.stringMatching(/^108 ms/),
      expect.stringMatching(/^119 ms/),
    ])
  })

  it.each([
    [900, 'axisFormat %-L ms', 'tickInterval 100millisecond'],
    [2_000, 'axisFormat %-S.%L s', 'tickInterval 500millisecond'],
    [10_000, 'axisFormat %-S s', 'tickInterval 1second'],
    [59_999, 'axisFormat %-S s', 'tickInterval 5second'],
    [60_000, 'axisFormat %-M:%S', 'tickInterval 30second'],
    [1_200_000, 'axisFormat %-M:%S', 'tickInterval 5minute'],
    [7_200_000, 'axisFormat %-H:%M:%S', 'tickInterval 30minute'],
  ])('of %i ms has an axis that tells them apart', (endMs, format, tick) => {
    const timeline: Span[] = [
      { stage: 'open', startMs: 0, endMs: endMs / 2 },
      { stage: 'fetch', startMs: endMs / 2, endMs },
    ]
    expect(linesOf(timeline).slice(3, 5)).toEqual([format, tick])
  })
})
