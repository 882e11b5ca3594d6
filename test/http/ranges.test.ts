import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  chunkSize,
  parseContentRange,
  parseUnsatisfiedRange,
  rangeHeader,
  split,
} from '../../src/http/ranges.ts'

const MiB = 2 ** 20

describe('a Range header', () => {
  it('names the last byte, not the one after it', () => {
    expect(rangeHeader({ start: 0, end: 16 })).toBe('bytes=0-15')
    expect(rangeHeader({ start: 15, end: 16 })).toBe('bytes=15-15')
  })

  it('is open where the end is not known', () => {
    expect(rangeHeader({ start: 7, end: Number.POSITIVE_INFINITY })).toBe('bytes=7-')
  })
})

describe('a Content-Range header', () => {
  it.each([
    ['bytes 0-15/100', 0, 16, 100],
    ['Bytes 0-0/1', 0, 1, 1],
    ['BYTES  16-31/32', 16, 32, 32],
    [' bytes 0-9007199254740989/9007199254740990 ', 0, 9007199254740990, 9007199254740990],
    ['bytes 007-009/010', 7, 10, 10],
  ])('%j is read, half-open', (header, start, end, total) => {
    expect(parseContentRange(header)).toEqual({ start, end, total })
  })

  it.each([
    '',
    'bytes',
    'bytes=0-15/100',
    'bytes 0-15',
    'bytes 0-15/*',
    'bytes */100',
    'items 0-9/10',
    'bytes 9-5/100',
    'bytes 0-99/50',
    'bytes 0-100/100',
    'bytes -1-5/10',
    'bytes +0-5/10',
    'bytes 0x0-0x5/0x10',
    'bytes 0-5/10 junk',
    'bytes 0-5/10, bytes 6-7/10',
    'bytes 0 - 5/10',
    'bytes 0-1e3/2000',
    'bytes 0-9007199254740992/9007199254740993',
    'bytes 0-99999999999999999/100000000000000000',
  ])('%j is not one valid range', (header) => {
    expect(parseContentRange(header)).toBeUndefined()
  })

  it.each([
    ['bytes */0', 0],
    ['BYTES  */123', 123],
    ['bytes */*', undefined],
    ['bytes */-1', undefined],
    ['bytes 0-1/2', undefined],
    ['', undefined],
  ])('%j of a reply 416 gives the size %s', (header, size) => {
    expect(parseUnsatisfiedRange(header)).toBe(size)
  })
})

describe('chunks', () => {
  const sizes = fc.record({
    start: fc.nat({ max: 1000 * MiB }),
    bytes: fc.integer({ min: 1, max: 300 * MiB }),
    concurrency: fc.integer({ min: 1, max: 64 }),
    chunkBytes: fc.integer({ min: MiB, max: 128 * MiB }),
  })

  it('are even: a multiple of the concurrency, none larger than allowed', () => {
    const limits = { concurrency: 8, chunkBytes: 8 * MiB }
    expect(chunkSize(64 * MiB, limits)).toBe(8 * MiB)
    expect(chunkSize(65 * MiB, limits)).toBe(Math.ceil((65 * MiB) / 16))
    expect(chunkSize(80 * MiB, limits)).toBe(5 * MiB)
  })

  it('are no smaller than 4 MiB, where so much is allowed', () => {
    expect(chunkSize(8 * MiB, { concurrency: 8, chunkBytes: 8 * MiB })).toBe(4 * MiB)
    expect(chunkSize(8 * MiB, { concurrency: 8, chunkBytes: MiB })).toBe(MiB)
  })

  it('of any object are within their limits', () => {
    fc.assert(
      fc.property(sizes, ({ bytes, concurrency, chunkBytes }) => {
        const size = chunkSize(bytes, { concurrency, chunkBytes })
        expect(size).toBeLessThanOrEqual(chunkBytes)
        expect(size).toBeGreaterThanOrEqual(Math.min(chunkBytes, 4 * MiB))
      }),
    )
  })

  it('cover a range exactly, one after the other', () => {
    fc.assert(
      fc.property(sizes, ({ start, bytes, concurrency, chunkBytes }) => {
        const size = chunkSize(bytes, { concurrency, chunkBytes })
        let at = start
        for (const chunk of split({ start, end: start + bytes }, size)) {
          expect(chunk.start).toBe(at)
          expect(chunk.end).toBeGreaterThan(chunk.start)
          expect(chunk.end - chunk.start).toBeLessThanOrEqual(size)
          at = chunk.end
        }
        expect(at).toBe(start + bytes)
      }),
      { numRuns: 50 },
    )
  })

  it('of nothing are none', () => {
    expect([...split({ start: 5, end: 5 }, 10)]).toEqual([])
  })
})
