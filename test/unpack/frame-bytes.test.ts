import { describe, expect, it } from 'vitest'
import { FrameBytes } from '../../src/unpack/frame-bytes.ts'
import { sampleBytes } from './fixture.ts'

describe('the bytes of a frame', () => {
  it('are one view of the stream’s memory while its pieces lie side by side', () => {
    const memory = sampleBytes(300)
    const bytes = new FrameBytes()
    for (const [start, end] of [
      [10, 20],
      [20, 21],
      [21, 21],
      [21, 300],
    ]) {
      expect(bytes.add(memory.subarray(start, end))).toBe(true)
    }
    expect(bytes.view.buffer).toBe(memory.buffer)
    expect(bytes.view.byteOffset).toBe(memory.byteOffset + 10)
    expect(bytes.view).toHaveLength(290)
    expect(bytes.length).toBe(290)
  })

  it.each([
    ['after a gap', 0, 10, 11, 20],
    ['before the first', 10, 20, 0, 10],
    ['at the same place again', 0, 10, 0, 10],
    ['over the first', 0, 10, 5, 15],
  ])('take no piece %s', (_, ...places) => {
    const memory = sampleBytes(20)
    const bytes = new FrameBytes()
    bytes.add(memory.subarray(places[0], places[1]))
    expect(bytes.add(memory.subarray(places[2], places[3]))).toBe(false)
    expect(Buffer.from(bytes.view)).toEqual(memory.subarray(places[0], places[1]))
  })

  it('take no piece at the next place of other memory', () => {
    const bytes = new FrameBytes()
    bytes.add(new Uint8Array(new ArrayBuffer(20), 0, 10))
    expect(bytes.add(new Uint8Array(new ArrayBuffer(20), 10, 10))).toBe(false)
    expect(bytes).toHaveLength(10)
  })

  it('are none at first', () => {
    expect(new FrameBytes()).toHaveLength(0)
    expect(new FrameBytes().view).toHaveLength(0)
  })
})
