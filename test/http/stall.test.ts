import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { StallWatch } from '../../src/http/stall.ts'

const LIMITS = { idleMs: 6000, bytesPerSecond: 1000 }

describe('a stall watch', () => {
  let stalls: string[]
  let watch: StallWatch

  beforeEach(() => {
    vi.useFakeTimers()
    stalls = []
    watch = new StallWatch(LIMITS, (why) => stalls.push(why))
  })

  afterEach(() => {
    watch.pause()
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })

  function pass(seconds: number, bytesPerSecond = 0): void {
    for (let tenth = 0; tenth < seconds * 10; tenth += 1) {
      watch.progress(bytesPerSecond / 10)
      vi.advanceTimersByTime(100)
    }
  }

  it('finds silence of the whole limit, and not a moment before', () => {
    pass(5.9)
    expect(stalls).toEqual([])
    pass(0.1)
    expect(stalls).toEqual(['no byte for 6 s'])
  })

  it('finds a stall once, and leaves no timer', () => {
    pass(30)
    expect(stalls).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('finds a drip that is below the floor', () => {
    pass(6, 500)
    expect(stalls).toEqual(['only 3000 bytes in 6 s'])
  })

  it('finds nothing at the floor and above', () => {
    pass(60, 1000)
    pass(60, 5000)
    expect(stalls).toEqual([])
  })

  it('finds silence after a fast beginning, as soon as the average falls below the floor', () => {
    pass(10, 100_000)
    pass(5)
    expect(stalls).toEqual([])
    pass(1)
    expect(stalls).toEqual(['no byte for 6 s'])
  })

  it('holds no time against the server that it was paused for, nor what came before', () => {
    pass(5.9)
    watch.pause()
    vi.advanceTimersByTime(60_000)
    watch.resume()
    pass(5.9)
    expect(stalls).toEqual([])
    pass(0.1)
    expect(stalls).toHaveLength(1)
  })

  it('has one timer, however often it is resumed', () => {
    watch.resume()
    watch.resume()
    expect(vi.getTimerCount()).toBe(1)
    pass(6)
    expect(stalls).toHaveLength(1)
  })

  it('finds silence without a floor too', () => {
    watch.pause()
    watch = new StallWatch({ idleMs: 6000, bytesPerSecond: 0 }, (why) => stalls.push(why))
    pass(30, 10)
    expect(stalls).toEqual([])
    pass(6)
    expect(stalls).toEqual(['no byte for 6 s'])
  })
})
