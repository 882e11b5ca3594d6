import { zstdDecompressSync } from 'node:zlib'
import { expect } from 'vitest'
import { type FrameHeader, FrameScanner } from '../../src/unpack/frames.ts'
import { pieces } from './fixture.ts'

interface Found {
  readonly at: number
  readonly header: FrameHeader
  readonly head: string
  readonly end: number
}

/** The frames of a stream given in pieces. */
export function scan(bytes: Buffer, cuts: readonly number[] = []): Found[] {
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
export function expectFrames(bytes: Buffer, plain: Buffer): Found[] {
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

/** Blocks of a frame that is made by hand. */
export const raw = (text: string) => ({ type: 'raw', content: Buffer.from(text) }) as const
export const rle = (byte: number, size: number) =>
  ({ type: 'rle', content: Buffer.from([byte]), size }) as const

/** What a frame's header says of a window of 1 KiB, of 128 KiB. */
export const WINDOW_1K = 0
export const WINDOW_128K = 7 << 3
