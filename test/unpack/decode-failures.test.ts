import { buffer } from 'node:stream/consumers'
import { constants, createZstdCompress } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { decode } from '../../src/unpack/decode.ts'
import { zstdFrame } from '../support/archive.ts'
import { decoded, LARGE, LARGE_PLAIN, LARGE_SIZED, MIB, SMALL, SMALL_PLAIN } from './decoded-frames.ts'
import { BufferStream, type BufferStreamOptions, everyBytes, handFrame } from './fixture.ts'

/** What it ends with, and that nothing runs on. */
async function failureOf(bytes: Buffer, options: BufferStreamOptions = {}): Promise<unknown> {
  const stream = new BufferStream(bytes, options)
  const failure = await decoded(stream).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(stream.ended).toBe(true)
  return failure
}

/** A frame whose content size is not told, of many small blocks that could each hold 128 KiB. */
async function flushedFrame(parts: readonly Buffer[]): Promise<Buffer> {
  const compressor = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } })
  const bytes = buffer(compressor)
  for (const part of parts) {
    compressor.write(part)
    await new Promise<void>((resolve) => compressor.flush(constants.ZSTD_e_flush, resolve))
  }
  compressor.end()
  return bytes
}

describe('damage', () => {
  it('in any bit of held frames is found, with the frame’s number and place', async () => {
    for (let bit = 0; bit < 8 * SMALL.length; bit += 3) {
      const bytes = Buffer.concat([SMALL])
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const stream = new BufferStream(bytes)
      const result = await decoded(stream).catch((error: unknown) => error)
      if (Buffer.isBuffer(result)) expect(result.equals(SMALL_PLAIN), `bit ${bit}`).toBe(true)
      else {
        expect(result, `bit ${bit}`).toMatchObject({
          code: expect.stringMatching(/^(CORRUPT_ZSTD|TRUNCATED|NOT_ZSTD|LIMIT_EXCEEDED)$/),
          message: expect.stringMatching(/at byte \d|begins with|magic|2\^53/),
        })
      }
      expect(stream.ended).toBe(true)
    }
  })

  it('in a frame’s content names the frame', async () => {
    const frames = ['one', 'two', 'three'].map((text) => zstdFrame(Buffer.from(text), { checksum: true }))
    const bytes = Buffer.concat(frames)
    const at = (frames[0] ?? Buffer.alloc(0)).length
    const inSecond = at + 10
    bytes[inSecond] = (bytes[inSecond] ?? 0) ^ 1
    const message = `zstd frame 2, at byte ${at}, is damaged`
    expect(await failureOf(bytes)).toMatchObject({ code: 'CORRUPT_ZSTD', message })
  })

  it('in what a frame says of its size is found where it has nothing in it, however it comes', async () => {
    const blocks = [{ type: 'raw', content: Buffer.alloc(0) }] as const
    const bytes = handFrame({ windowByte: 0, blocks, contentSize: { width: 4, value: 40_960 } })
    for (const [concurrency, options] of [
      [2, {}],
      [1, {}],
      [1, { cuts: [7, 14], memory: 'pieces' }],
    ] as const) {
      const stream = new BufferStream(bytes, options)
      await expect(decoded(stream, concurrency)).rejects.toMatchObject({ code: 'CORRUPT_ZSTD' })
    }
  })

  it('in what a frame says of its size is found', async () => {
    for (const value of [2, 4, 400]) {
      const contentSize = { width: 4, value } as const
      const blocks = [{ type: 'raw', content: Buffer.from('abc') }] as const
      const bytes = handFrame({ windowByte: 7 << 3, blocks, contentSize })
      expect(await failureOf(bytes), `${value}`).toMatchObject({ code: 'CORRUPT_ZSTD' })
    }
  })

  it.each([
    [1, 40],
    [2, 17 * MIB],
    [3, LARGE.length - 2],
  ])('in a streamed frame is found (%i)', async (_, place) => {
    const small = zstdFrame(Buffer.from('small'))
    for (const frame of [LARGE, LARGE_SIZED]) {
      const bytes = Buffer.concat([small, frame, small])
      bytes[small.length + place] = (bytes[small.length + place] ?? 0) ^ 0x10
      for (const pieceBytes of [65_536, bytes.length]) {
        expect(await failureOf(bytes, { cuts: everyBytes(bytes.length, pieceBytes) })).toMatchObject({
          code: 'CORRUPT_ZSTD',
          message: `zstd frame 2, at byte ${small.length}, is damaged`,
        })
      }
    }
  })

  it('in a streamed frame’s size is found', async () => {
    const bytes = Buffer.concat([LARGE_SIZED])
    expect(bytes.readUInt32LE(6)).toBe(LARGE_PLAIN.length)
    bytes.writeUInt32LE(LARGE_PLAIN.length + 1, 6)
    expect(await failureOf(bytes)).toMatchObject({ code: 'CORRUPT_ZSTD' })
  })

  it('that cuts a stream off is found, streamed frames included', async () => {
    for (const [bytes, length] of [
      [SMALL, SMALL.length - 1],
      [SMALL, 15],
      [LARGE, LARGE.length - 1],
      [LARGE_SIZED, 20 * MIB],
      [LARGE_SIZED, 100],
    ] as const) {
      const cut = bytes.subarray(0, length)
      for (const pieceBytes of [100_000, length]) {
        const failure = await failureOf(cut, { cuts: everyBytes(length, pieceBytes) })
        expect(failure, `${length} of ${bytes.length}`).toMatchObject({ code: 'TRUNCATED' })
      }
    }
  })
})

describe('a stream that is given up', () => {
  const failure = new Error('the network is gone')

  it.each([
    ['held', SMALL],
    ['streamed', LARGE_SIZED.subarray(0, 20 * MIB)],
  ])('by its source gives that error: %s', async (_, bytes) => {
    expect(await failureOf(bytes, { cuts: everyBytes(bytes.length, MIB), failure })).toBe(failure)
  })

  it('from outside ends in the midst of a streamed frame', async () => {
    const stream = new BufferStream(LARGE_SIZED, { cuts: everyBytes(LARGE_SIZED.length, MIB) })
    const blocks = decode(stream, { concurrency: 2 })
    await blocks.next()
    stream.cancel(failure)
    await expect(
      (async () => {
        for await (const _ of blocks);
      })(),
    ).rejects.toBe(failure)
    expect(stream.ended).toBe(true)
  })

  it.each([
    ['held', SMALL],
    ['streamed', LARGE],
  ])('by its consumer is cancelled, and nothing runs on: %s', async (_, bytes) => {
    const stream = new BufferStream(bytes, { cuts: everyBytes(bytes.length, Math.ceil(bytes.length / 40)) })
    for await (const block of decode(stream, { concurrency: 2 })) {
      expect(block.length).toBeGreaterThan(0)
      break
    }
    expect(stream.cancelled).toBeDefined()
    expect(stream.ended).toBe(true)
  })

  it('by its consumer ends decoders whose turn has not come', async () => {
    const flushed = await flushedFrame(
      Array.from({ length: 300 }, (_, part) => Buffer.alloc(100, `part ${part}`)),
    )
    const stream = new BufferStream(Buffer.concat([zstdFrame(Buffer.from('first')), flushed]))
    const blocks = decode(stream, { concurrency: 2 })
    await blocks.next()
    await stream.untilDelivered(Number.POSITIVE_INFINITY)
    await blocks.return()
    expect(stream.cancelled).toBeDefined()
  })

  it('by its consumer ends a frame that turned out to be large and has to be decoded again', async () => {
    const large = zstdFrame(Buffer.alloc(40 * MIB, 'x'), { contentSize: false, checksum: true })
    const stream = new BufferStream(Buffer.concat([zstdFrame(Buffer.from('first')), large]))
    const blocks = decode(stream, { concurrency: 2 })
    await blocks.next()
    await stream.untilDelivered(Number.POSITIVE_INFINITY)
    await blocks.return()
    expect(stream.cancelled).toBeDefined()
    expect(stream.ended).toBe(true)
  })

  it('does not begin before its first block is asked for', async () => {
    const stream = new BufferStream(SMALL)
    await decode(stream, { concurrency: 2 }).return()
    expect(stream.delivered).toBe(0)
  })
})
