import { describe, expect, it } from 'vitest'
import type { FrameHeader } from '../../src/unpack/frames.ts'
import { zstdFrame } from '../support/archive.ts'
import { type HandFrame, handFrame, refusalOf } from './fixture.ts'
import { expectFrames, raw, rle, scan, WINDOW_1K, WINDOW_128K } from './scanned-frames.ts'

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
  const refused = (bytes: Buffer): unknown => refusalOf(scan, bytes)

  it.each([
    ['gzip', Buffer.from([0x1f, 0x8b, 0x08, 0x00]), 'the bytes 1f8b0800, which'],
    [
      'HTML',
      Buffer.from('<!doctype html>'),
      '"<!do", which is no zstd file, but perhaps the page of a login',
    ],
    ['a page after a blank line', Buffer.from('\r\n<html>'), '"  <h", which'],
    ['zeros', Buffer.alloc(512), 'the bytes 00000000, which'],
    ['zstd of before 1.0', Buffer.from([0x27, 0xb5, 0x2f, 0xfd]), 'the bytes 27b52ffd, which'],
  ])('that begins as %s, with what it begins with', (_, bytes, seen) => {
    expect(refused(bytes)).toMatchObject({ code: 'NOT_ZSTD', message: expect.stringContaining(seen) })
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
