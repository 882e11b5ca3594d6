import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Ring } from '../src/ring.ts'
import { pattern } from './download/fixture.ts'

describe('a ring', () => {
  it('gives the bytes that were written, also where they go round', () => {
    const ring = new Ring(10)
    ring.write(0, pattern(10))
    ring.release(7)
    ring.write(10, Buffer.from('abcdefg'))
    expect([...ring.views(7, 10)].map((view) => view.length)).toEqual([3])
    expect(Buffer.concat([...ring.views(10, 17)]).toString()).toBe('abcdefg')
    expect([...ring.views(8, 13)].map((view) => view.length)).toEqual([2, 3])
    expect([...ring.views(9, 9)]).toEqual([])
  })

  it('takes bytes in any order within its limit', () => {
    const ring = new Ring(6)
    ring.write(3, Buffer.from('def'))
    ring.write(0, Buffer.from('abc'))
    expect(Buffer.concat([...ring.views(0, 6)]).toString()).toBe('abcdef')
  })

  it('moves its limit with what is released, and never back', () => {
    const ring = new Ring(4)
    expect(ring.limit).toBe(4)
    ring.release(3)
    expect(ring.limit).toBe(7)
    ring.release(1)
    expect(ring.limit).toBe(7)
  })

  it('leaves its memory to others once all there is has been released', () => {
    const ring = new Ring(8, 10)
    ring.write(0, pattern(8))
    const [{ byteOffset } = pattern(0)] = ring.views(0, 8)
    ring.release(8)
    ring.write(8, pattern(2))
    const [before] = new Ring(8).views(0, 8)
    ring.release(10)
    const [after] = new Ring(8).views(0, 8)
    expect(before?.byteOffset).not.toBe(byteOffset)
    expect(after?.byteOffset).toBe(byteOffset)
  })

  it.each([
    ['beyond its limit', 12, 3],
    ['before what is released', 3, 3],
  ])('refuses a write %s, which would overwrite what somebody reads', (_, at, length) => {
    const ring = new Ring(10)
    ring.write(0, pattern(10))
    ring.release(4)
    expect(() => ring.write(at, Buffer.alloc(length))).toThrow(RangeError)
    expect(Buffer.concat([...ring.views(4, 10)])).toEqual(pattern(10).subarray(4))
  })

  it('gives every byte as it was written, whatever the sizes of writes, reads and releases', () => {
    const step = fc.record({
      write: fc.nat({ max: 40 }),
      read: fc.nat({ max: 40 }),
      release: fc.nat({ max: 40 }),
    })
    const run = fc.record({
      capacity: fc.integer({ min: 1, max: 30 }),
      steps: fc.array(step, { maxLength: 60 }),
    })
    fc.assert(
      fc.property(run, ({ capacity, steps }) => {
        const ring = new Ring(capacity)
        const bytes = pattern(60 * 40)
        let [written, read, released] = [0, 0, 0]
        for (const step of steps) {
          const until = Math.min(written + step.write, ring.limit)
          ring.write(written, bytes.subarray(written, until))
          written = until
          const to = Math.min(read + step.read, written)
          expect(Buffer.concat([...ring.views(read, to)])).toEqual(bytes.subarray(read, to))
          read = to
          released = Math.min(released + step.release, read)
          ring.release(released)
        }
      }),
      { seed: 20251122 },
    )
  })
})
