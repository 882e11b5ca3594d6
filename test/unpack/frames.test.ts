import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { type FrameHeader, FrameScanner } from '../../src/unpack/frames.ts'
import { skippableFrame, zstdFrame } from '../support/archive.ts'
import { skipWithout } from '../support/programs.ts'
import { everyBytes, type HandFrame, handFrame, pieces, sampleBytes, temporaryDirectory } from './fixture.ts'

interface Found {
  readonly at: number
  readonly header: FrameHeader
  readonly head: string
  readonly end: number
}

/** The frames of a stream given in pieces. */
function scan(bytes: Buffer, cuts: readonly number[] = []): Found[] {
  const scanner = new FrameScanner()
  const found: Found[] = []
  let begun: Pick<Found, 'at' | 'header' | 'head'> | undefined
  for (const piece of pieces(bytes, cuts)) {
    for (const event of scanner.push(piece)) {
      if (event.kind === 'begin') {
        expect(begun).toBeUndefined()
        begun = { at: event.at, header: event.header, head: Buffer.from(event.head).toString('hex') }
      } else {
        if (begun === undefined) throw new Error('an end without a beginning')
        found.push({ ...begun, end: event.at })
        begun = undefined
      }
    }
  }
  scanner.end()
  return found
}

/** Expects the frames to be where zlib finds them, which decodes each of them alone. */
function expectFrames(bytes: Buffer, plain: Buffer): Found[] {
  const frames = scan(bytes)
  const decoded = frames.map(({ at, end, header, head }) => {
    const content = zstdDecompressSync(bytes.subarray(at, end))
    if (header.contentBytes !== undefined) expect(header.contentBytes).toBe(content.length)
    expect(bytes.toString('hex', at, at + head.length / 2)).toBe(head)
    return content
  })
  expect(Buffer.concat(decoded).equals(plain)).toBe(true)
  let at = 0
  for (const frame of [...frames, { at: bytes.length, end: bytes.length }]) {
    while (at < frame.at) {
      expect(bytes.readUInt32LE(at) & 0xfffffff0).toBe(0x184d2a50)
      at += 8 + bytes.readUInt32LE(at + 4)
    }
    expect(at).toBe(frame.at)
    at = frame.end
  }
  return frames
}

function compress(program: string, args: string[], input: Buffer): Buffer {
  return execFileSync(program, ['-q', '-c', ...args], { input, maxBuffer: 2 ** 28 })
}

const raw = (text: string) => ({ type: 'raw', content: Buffer.from(text) }) as const
const rle = (byte: number, size: number) => ({ type: 'rle', content: Buffer.from([byte]), size }) as const
/** 1 KiB, 128 KiB. */
const WINDOW_1K = 0
const WINDOW_128K = 7 << 3

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

describe('frames of the zstd command', () => {
  const plain = Buffer.concat([sampleBytes(150_000), Buffer.alloc(200_000, 'z'), sampleBytes(50_000, 9)])
  beforeEach((context) => skipWithout(context, 'zstd'))

  it.each([
    '-1',
    '-19',
    '--fast=5',
    '--ultra -20 --long=27',
    '-T0',
    '-T2 -B1KB',
    '--no-check',
    '--no-content-size',
    '--rsyncable',
  ])('are found: %s', (args) => {
    const [frame, ...rest] = expectFrames(compress('zstd', args.split(' '), plain), plain)
    expect(rest).toEqual([])
    expect(frame?.at).toBe(0)
  })

  it('are found with a content size, which a file gives them', () => {
    const directory = temporaryDirectory()
    for (const length of [0, 1, 255, 256, 65_791, 65_792, 400_000]) {
      const file = join(directory, `${length}`)
      writeFileSync(file, sampleBytes(length))
      const bytes = compress('zstd', [file], Buffer.alloc(0))
      const [frame] = expectFrames(bytes, sampleBytes(length))
      expect(frame?.header.contentBytes).toBe(length)
    }
  })

  it('are found for no input at all', () => {
    expect(expectFrames(compress('zstd', [], Buffer.alloc(0)), Buffer.alloc(0))).toHaveLength(1)
  })

  it('are found one after another', () => {
    const parts = [0, 1, 70_000, 0, 300_000].map((length, seed) => sampleBytes(length, seed + 1))
    const bytes = Buffer.concat(parts.map((part, index) => compress('zstd', [`-${index + 1}`], part)))
    expect(expectFrames(bytes, Buffer.concat(parts))).toHaveLength(5)
  })
})

describe('frames of pzstd', () => {
  it('are found between the skippable ones', (context) => {
    skipWithout(context, 'pzstd')
    const plain = Buffer.concat([sampleBytes(3_000_000), Buffer.alloc(3_000_000), sampleBytes(2_000_000, 5)])
    const file = join(temporaryDirectory(), 'plain')
    writeFileSync(file, plain)
    const bytes = execFileSync('pzstd', ['-q', '-c', '-p', '4', '-1', file], { maxBuffer: 2 ** 28 })
    const frames = expectFrames(bytes, plain)
    expect(frames.length).toBeGreaterThan(2)
    expect(bytes.readUInt32LE(0)).toBe(0x184d2a50)
    expect(bytes.readUInt32LE(8)).toBe((frames[0]?.end ?? 0) - (frames[0]?.at ?? 0))
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 50 }), (cuts) => {
        expect(
          scan(
            bytes,
            cuts.sort((a, b) => a - b),
          ),
        ).toEqual(frames)
      }),
      { numRuns: 20 },
    )
  })
})

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
      fc.property(fc.array(fc.nat(SMALL.length), { maxLength: 60 }), (cuts) => {
        expect(
          scan(
            SMALL,
            cuts.sort((a, b) => a - b),
          ),
        ).toEqual(whole)
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

describe('a frame’s header', () => {
  const blocks = [raw('abcdefgh')]
  const headerOf = (frame: HandFrame): FrameHeader | undefined => {
    const plain = Buffer.concat(
      frame.blocks.map(({ type, content, size }) =>
        type === 'rle' ? Buffer.alloc(size ?? 0, content) : content,
      ),
    )
    return expectFrames(handFrame(frame), plain)[0]?.header
  }

  it.each([1, 4, 8] as const)('tells the content size in %i bytes, and so the window', (width) => {
    const frame = { blocks, contentSize: { width, value: 8 } }
    expect(headerOf(frame)).toEqual({ contentBytes: 8, windowBytes: 8 })
  })

  it('tells a content size of two bytes less 256', () => {
    const frame = { blocks: [rle(7, 300)], contentSize: { width: 2, value: 300 } } as const
    expect(headerOf(frame)).toEqual({ contentBytes: 300, windowBytes: 300 })
  })

  it.each([4, 8] as const)('tells the content size in %i bytes beside a window', (width) => {
    const frame = { blocks, windowByte: WINDOW_128K, contentSize: { width, value: 8 } }
    expect(headerOf(frame)).toEqual({ contentBytes: 8, windowBytes: 131_072 })
  })

  it.each([1, 2, 4] as const)('may name the dictionary 0, which is none, in %i bytes', (width) => {
    const dictionary = { width, id: 0 }
    expect(headerOf({ blocks, windowByte: WINDOW_1K, dictionary })).toEqual({ windowBytes: 1024 })
    expect(headerOf({ blocks, dictionary, contentSize: { width: 8, value: 8 } })?.contentBytes).toBe(8)
  })

  it.each([
    [0, 1024],
    [1, 1024 + 128],
    [7, 1024 + 7 * 128],
    [(10 << 3) | 3, 2 ** 20 + 3 * 2 ** 17],
    [17 << 3, 2 ** 27],
  ])('tells the window by its descriptor %i: %i bytes', (windowByte, windowBytes) => {
    expect(headerOf({ blocks, windowByte })).toEqual({ windowBytes })
  })
})

describe('a stream is refused', () => {
  const good = zstdFrame(Buffer.from('good'))
  const blocks = [raw('abc')]
  const errorOf = (bytes: Buffer, cuts: readonly number[]): unknown => {
    try {
      scan(bytes, cuts)
    } catch (error) {
      return error
    }
    return undefined
  }
  const refused = (bytes: Buffer): unknown => {
    const error = errorOf(bytes, [])
    expect(errorOf(bytes, everyBytes(bytes.length, 1))).toEqual(error)
    return error
  }

  it.each([
    ['gzip', Buffer.from([0x1f, 0x8b, 0x08, 0x00]), '0x00088b1f'],
    ['HTML', Buffer.from('<!DOCTYPE html>'), '0x4f44213c'],
    ['zeros', Buffer.alloc(512), '0x00000000'],
    ['zstd of before 1.0', Buffer.from([0x27, 0xb5, 0x2f, 0xfd]), '0xfd2fb527'],
  ])('that begins as %s, with the magic seen', (_, bytes, magic) => {
    expect(refused(bytes)).toMatchObject({ code: 'NOT_ZSTD', message: expect.stringContaining(magic) })
  })

  it.each([
    ['text', Buffer.from('garbage')],
    ['zeros', Buffer.alloc(4)],
  ])('for %s after its last frame, with the place', (_, garbage) => {
    expect(refused(Buffer.concat([good, garbage]))).toMatchObject({
      code: 'CORRUPT_ZSTD',
      message: expect.stringContaining(`byte ${good.length} `),
    })
  })

  it('for a few bytes after its last frame', () => {
    expect(refused(Buffer.concat([good, Buffer.alloc(3)]))).toMatchObject({ code: 'TRUNCATED' })
  })

  it.each<[string, HandFrame, string]>([
    ['a reserved bit in a header', { blocks, windowByte: 0, reservedBit: true }, 'byte 13'],
    ['a dictionary', { blocks, windowByte: 0, dictionary: { width: 4, id: 0x1_0000 } }, 'dictionary'],
    ['a reserved block type', { blocks: [{ ...raw('abc'), type: 'reserved' }], windowByte: 0 }, 'byte 19'],
    ['a block above its window', { blocks: [rle(0, 1025)], windowByte: 0 }, 'block at byte 19'],
    ['a block above 128 KiB', { blocks: [rle(0, 131_073)], windowByte: 8 << 3 }, 'block at byte 19'],
    ['a block above its content', { blocks, contentSize: { width: 1, value: 2 } }, 'block at byte 19'],
    [
      'a content size of 2^53',
      { blocks, windowByte: 0, contentSize: { width: 8, value: 2n ** 53n } },
      '2^53',
    ],
    ['a content size of 2^64', { blocks, contentSize: { width: 8, value: 2n ** 64n - 1n } }, '2^53'],
  ])('for %s', (_, frame, words) => {
    const bytes = Buffer.concat([good, handFrame(frame)])
    expect(good.length).toBe(13)
    expect(refused(bytes)).toMatchObject({ code: 'CORRUPT_ZSTD', message: expect.stringContaining(words) })
  })

  it.each<[string, HandFrame, string]>([
    ['2 GiB', { blocks, windowByte: 21 << 3 }, '2048 MiB'],
    ['the least above 128 MiB', { blocks, windowByte: (17 << 3) | 1 }, '144 MiB'],
    ['all that a header can say', { blocks, windowByte: 0xff }, 'MiB; at most 128 MiB'],
    ['a content of 200 MiB', { blocks, contentSize: { width: 4, value: 200 * 2 ** 20 } }, '200 MiB'],
  ])('for a window of %s', (_, frame, words) => {
    expect(refused(handFrame(frame))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining(words),
    })
  })
})
