import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Progress } from '../src/progress.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

it('says every 5 s how far it is, and nothing before that or after its end', () => {
  const traffic = { bytes: 0 }
  const lines: string[] = []
  const progress = new Progress(traffic, (line) => lines.push(line))
  traffic.bytes = 10_000_000
  vi.advanceTimersByTime(4_999)
  expect(lines).toEqual([])
  vi.advanceTimersByTime(1)
  expect(lines).toEqual(['Received 10 MB (2 MB/s)'])
  progress.total = 40_000_000
  traffic.bytes = 20_000_000
  vi.advanceTimersByTime(5_000)
  expect(lines.slice(1)).toEqual(['Received 20 MB of 40 MB (50 %, 2 MB/s)'])
  progress.end()
  vi.advanceTimersByTime(60_000)
  expect(lines).toHaveLength(2)
  expect(vi.getTimerCount()).toBe(0)
})
