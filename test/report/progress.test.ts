import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Progress, progressLine } from '../../src/report/progress.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function watched() {
  const traffic = { bytes: 7_000_000 }
  const lines: string[] = []
  const progress = new Progress(traffic, (line) => lines.push(line))
  return { traffic, lines, progress }
}

it('says nothing until it is begun, then a line every 5 s, and nothing after its end', () => {
  const { traffic, lines, progress } = watched()
  vi.advanceTimersByTime(60_000)
  progress.begin()
  traffic.bytes += 10_000_000
  vi.advanceTimersByTime(4_999)
  expect(lines).toEqual([])
  vi.advanceTimersByTime(1)
  expect(lines.splice(0)).toEqual(['Received 10 MB (2.0 MB/s)'])
  progress.expect(40_000_000)
  traffic.bytes += 10_000_000
  vi.advanceTimersByTime(5_000)
  expect(lines.splice(0)).toEqual(['Received 20 MB of 40 MB (50 %, 2.0 MB/s, 10 s left)'])
  progress.end()
  vi.advanceTimersByTime(60_000)
  expect(lines).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})

it('tells what is left by the speed of the last 15 s', () => {
  const { traffic, lines, progress } = watched()
  progress.begin()
  progress.expect(1_000_000_000)
  for (const megabytes of [400, 30, 20, 10]) {
    traffic.bytes += megabytes * 1_000_000
    vi.advanceTimersByTime(5_000)
  }
  expect(lines.at(-1)).toBe('Received 460 MB of 1000 MB (46 %, 4.0 MB/s, 3 min left)')
  progress.end()
})

it('says once that all is there, until more is to come', () => {
  const { traffic, lines, progress } = watched()
  progress.begin()
  progress.expect(40_000_000)
  traffic.bytes += 40_000_000
  vi.advanceTimersByTime(20_000)
  const all = 'Received all 40 MB; files and git are at work'
  expect(lines).toEqual([all])
  progress.expect(40_000_000)
  vi.advanceTimersByTime(5_000)
  traffic.bytes += 40_000_000
  vi.advanceTimersByTime(20_000)
  expect(lines).toEqual([
    all,
    'Received 40 MB of 80 MB (50 %, 0.0 MB/s)',
    'Received all 80 MB; files and git are at work',
  ])
  progress.end()
})

it('begins anew for a second attempt', () => {
  const { traffic, lines, progress } = watched()
  progress.begin()
  progress.expect(40_000_000)
  traffic.bytes += 10_000_000
  progress.begin()
  vi.advanceTimersByTime(5_000)
  expect(lines).toEqual(["Waiting for the snapshot's first bytes, for 5.0 s"])
  progress.end()
  expect(vi.getTimerCount()).toBe(0)
})

describe('a line', () => {
  const now = { elapsedMs: 30_000, total: 200_000_000 }
  it.each<[string, number, number, string]>([
    ['of a part', 50_000_000, 25_000_000, 'Received 50 MB of 200 MB (25 %, 5.0 MB/s, 30 s left)'],
    ['of almost all', 199_999_999, 100_000_000, 'Received 200 MB of 200 MB (99 %, 20 MB/s, 1 s left)'],
    ['of a long way', 50_000_000, 5_000_000, 'Received 50 MB of 200 MB (25 %, 1.0 MB/s, 3 min left)'],
    ['of a connection that stands still', 50_000_000, 0, 'Received 50 MB of 200 MB (25 %, 0.0 MB/s)'],
    ['of all', 200_000_000, 5_000_000, 'Received all 200 MB; files and git are at work'],
    ['of more, since some came twice', 210_000_000, 0, 'Received all 200 MB; files and git are at work'],
    ['of nothing', 0, 0, "Waiting for the snapshot's first bytes, for 30.0 s"],
  ])('%s', (_, bytes, recentBytes, line) => {
    expect(progressLine({ ...now, bytes, recent: { bytes: recentBytes, ms: 5_000 } })).toBe(line)
  })

  it('has neither percent nor what is left where nobody knows the size', () => {
    const recent = { bytes: 25_000_000, ms: 5_000 }
    expect(progressLine({ ...now, total: undefined, bytes: 50_000_000, recent })).toBe(
      'Received 50 MB (5.0 MB/s)',
    )
  })
})
