import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameScanner } from '../../src/unpack/frames.ts'
import { skippableFrame, zstdFrame } from '../support/archive.ts'
import { anyCuts, everyBytes, handFrame, sampleBytes } from './fixture.ts'
import { expectFrames, raw, rle, scan, WINDOW_1K } from './scanned-frames.ts'

/** All parts that a stream can have, in a few hundred bytes. */
const SMALL = Buffer.concat([
  skippableFrame(Buffer.from('pzst')),
  zstdFrame(Buffer.from('one'.repeat(30)), { checksum: true }),
  handFrame({ blocks: [raw('')], contentSize: { width: 1, value: 0 } }),
  skippableFrame(Buffer.alloc(0), 15),
  skippableFrame(Buffer.alloc(40, 0xfd), 7),
  handFrame({ blocks: [raw('two'), rle(0x33, 700), raw('')], windowByte: WINDOW_1K }),
  zstdFrame(sampleBytes(100), { contentSize: true }),
  zstdFrame(Buffer.alloc(0), { checksum: true }),
])
const SMALL_PLAIN = Buffer.from(
  `${'one'.repeat(30)}two${'3'.repeat(700)}${sampleBytes(100).toString('latin1')}`,
  'latin1',
)

describe('a stream in pieces', () => {
  const whole = scan(SMALL)

  it('has the frames that zlib finds', () => {
    expect(expectFrames(SMALL, SMALL_PLAIN)).toHaveLength(5)
  })

  it('has the same frames wherever it is cut', () => {
    for (let cut = 0; cut <= SMALL.length; cut += 1) expect(scan(SMALL, [cut])).toEqual(whole)
  })

  it('has the same frames in pieces of any size, one byte included', () => {
    for (let size = 1; size < 40; size += 1)
      expect(scan(SMALL, everyBytes(SMALL.length, size))).toEqual(whole)
  })

  it('has the same frames in pieces of random sizes, empty ones too', () => {
    fc.assert(
      fc.property(anyCuts(SMALL.length, 60), (cuts) => {
        expect(scan(SMALL, cuts)).toEqual(whole)
      }),
    )
  })

  it('tells of an end as soon as the last byte is there', () => {
    const scanner = new FrameScanner()
    const bytes = handFrame({ blocks: [raw('')], contentSize: { width: 1, value: 0 } })
    expect([...scanner.push(bytes)].map(({ kind }) => kind)).toEqual(['begin', 'end'])
  })

  it('passes over a large skippable frame', () => {
    const bytes = Buffer.concat([skippableFrame(Buffer.alloc(5_000_000, 0x28), 3), SMALL])
    const frames = scan(bytes, everyBytes(bytes.length, 65_536))
    expect(frames.map(({ at }) => at - 5_000_008)).toEqual(whole.map(({ at }) => at))
  })

  it('may have nothing but skippable frames, or nothing', () => {
    expect(scan(Buffer.alloc(0))).toEqual([])
    expect(scan(Buffer.concat([skippableFrame(Buffer.alloc(3)), skippableFrame(Buffer.alloc(0))]))).toEqual(
      [],
    )
  })

  it('is cut off unless it ends where a frame does', () => {
    const boundaries = new Set([0, 12, SMALL.length])
    for (const { at, end } of whole) boundaries.add(at).add(end)
    boundaries.add(whole[1]?.end ?? 0).add((whole[1]?.end ?? 0) + 8)
    for (let length = 0; length <= SMALL.length; length += 1) {
      const part = SMALL.subarray(0, length)
      if (boundaries.has(length)) expect(() => scan(part)).not.toThrow()
      else {
        const expected = { code: 'TRUNCATED', message: expect.stringContaining(`byte ${length},`) }
        expect(() => scan(part), `${length}`).toThrow(expect.objectContaining(expected))
      }
    }
  })
})
