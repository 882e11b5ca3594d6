import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { constants, createZstdCompress } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode } from '../../src/unpack/decode.ts'
import { pzstd, skippableFrame, zstdFrame } from '../support/archive.ts'
import { skipWithout } from '../support/programs.ts'
import { BufferStream, type BufferStreamOptions, everyBytes, handFrame, sampleBytes } from './fixture.ts'

const MIB = 2 ** 20

/** Decodes all of a stream. A piece is overwritten before the next is asked for: it is whoever's who got it. */
async function decoded(stream: BufferStream, concurrency = 2): Promise<Buffer> {
  const blocks: Buffer[] = []
  for await (const block of decode(stream, { concurrency })) {
    expect(block.length).toBeGreaterThan(0)
    blocks.push(Buffer.concat([block]))
    block.fill(0xa5)
  }
  return Buffer.concat(blocks)
}

async function expectDecoded(bytes: Buffer, plain: Buffer, options: BufferStreamOptions = {}): Promise<void> {
  const stream = new BufferStream(bytes, options)
  const found = await decoded(stream)
  expect(found.length).toBe(plain.length)
  expect(found.equals(plain)).toBe(true)
  expect(stream.released).toBe(bytes.length)
  expect(stream.ended).toBe(true)
}

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

const SMALL_PARTS = [120, 0, 1, 300, 64].map((length, seed) => sampleBytes(length, seed + 1))
const SMALL_PLAIN = Buffer.concat(SMALL_PARTS)
const SMALL = Buffer.concat(
  SMALL_PARTS.flatMap((part, index) => [
    skippableFrame(Buffer.from('size')),
    zstdFrame(part, { checksum: true, contentSize: index % 2 === 0 }),
  ]),
)

/** 33 MiB that do not compress: too large to hold. */
const LARGE_PLAIN = Buffer.concat(Array.from({ length: 33 }, (_, seed) => bytesOf(seed)))
const LARGE = zstdFrame(LARGE_PLAIN, { checksum: true })
const LARGE_SIZED = zstdFrame(LARGE_PLAIN, { checksum: true, contentSize: true })

function length(blocks: readonly Buffer[]): number {
  return blocks.reduce((sum, block) => sum + block.length, 0)
}

function bytesOf(seed: number): Buffer {
  return createHash('shake256', { outputLength: MIB }).update(`${seed}`).digest()
}

describe('frames that are held', () => {
  it('come out in order, as the command decodes them', async (context) => {
    skipWithout(context, 'zstd')
    const parts = Array.from({ length: 60 }, (_, index) => sampleBytes((index * 7919) % 90_000, index))
    const bytes = Buffer.concat(parts.map((part, index) => zstdFrame(part, { checksum: index % 3 === 0 })))
    const plain = execFileSync('zstd', ['-dc'], { input: bytes, maxBuffer: 2 ** 28 })
    await expectDecoded(bytes, plain, { cuts: everyBytes(bytes.length, 65_536) })
  })

  it('come out of a file that pzstd would write', async () => {
    const plain = sampleBytes(3 * MIB)
    const bytes = await buffer(pzstd(plain, { frameBytes: 100_000 }))
    await expectDecoded(bytes, plain, { cuts: everyBytes(bytes.length, 50_000) })
  })

  it('come out of pieces of one byte', async () => {
    for (const memory of ['whole', 'pieces'] as const) {
      await expectDecoded(SMALL, SMALL_PLAIN, { cuts: everyBytes(SMALL.length, 1), memory })
    }
  })

  it('come out wherever the stream is cut, and where next to nothing may stay unreleased', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(SMALL.length), { maxLength: 30 }),
        fc.constantFrom('whole', 'pieces'),
        fc.nat(SMALL.length),
        async (cuts, memory, holdBytes) => {
          await expectDecoded(SMALL, SMALL_PLAIN, { cuts: cuts.sort((a, b) => a - b), memory, holdBytes })
        },
      ),
    )
  })

  it('come out where a frame is larger than what may stay unreleased', async () => {
    const plain = sampleBytes(2 * MIB)
    const bytes = Buffer.concat([zstdFrame(plain), zstdFrame(plain)])
    const options = { cuts: everyBytes(bytes.length, 10_000), holdBytes: 20_000 }
    await expectDecoded(bytes, Buffer.concat([plain, plain]), options)
  })

  it('come out one at a time', async () => {
    const stream = new BufferStream(SMALL)
    expect(await decoded(stream, 1)).toEqual(SMALL_PLAIN)
  })

  it('come out where blocks are raw or of one byte', async () => {
    const raw = sampleBytes(500)
    const frame = handFrame({
      windowByte: 7 << 3,
      blocks: [
        { type: 'raw', content: raw },
        { type: 'rle', content: Buffer.from('r'), size: 100_000 },
      ],
    })
    await expectDecoded(frame, Buffer.concat([raw, Buffer.alloc(100_000, 'r')]))
  })

  it('may be none, or hold nothing', async () => {
    await expectDecoded(Buffer.alloc(0), Buffer.alloc(0))
    await expectDecoded(skippableFrame(Buffer.alloc(9)), Buffer.alloc(0))
    await expectDecoded(
      Buffer.concat([zstdFrame(Buffer.alloc(0)), zstdFrame(Buffer.alloc(0))]),
      Buffer.alloc(0),
    )
  })
})

describe('a frame too large to hold', () => {
  it.each([
    ['of a known size', LARGE_SIZED, 'whole'],
    ['of a size not told', LARGE, 'whole'],
    ['in scattered memory', LARGE, 'pieces'],
  ] as const)('is streamed: %s', async (_, frame, memory) => {
    const small = zstdFrame(Buffer.from('small'))
    const bytes = Buffer.concat([small, frame, small, small])
    const plain = Buffer.concat([Buffer.from('small'), LARGE_PLAIN, Buffer.from('smallsmall')])
    for (const pieceBytes of [65_536, 3 * MIB]) {
      await expectDecoded(bytes, plain, {
        cuts: everyBytes(bytes.length, pieceBytes),
        memory,
        holdBytes: 8 * MIB,
      })
    }
  })

  it('is streamed in one piece, and where one is next to another', async () => {
    await expectDecoded(Buffer.concat([LARGE, LARGE_SIZED]), Buffer.concat([LARGE_PLAIN, LARGE_PLAIN]))
  })

  it('is streamed where only what it decodes to is large', async () => {
    const plain = Buffer.alloc(40 * MIB, 'x')
    for (const contentSize of [true, false]) {
      const bytes = Buffer.concat([zstdFrame(plain, { contentSize, checksum: true }), SMALL])
      await expectDecoded(bytes, Buffer.concat([plain, SMALL_PLAIN]), { cuts: everyBytes(bytes.length, 700) })
    }
  })

  it('keeps its first bytes in the stream’s memory until the decoder has used them', async () => {
    const bytes = Buffer.concat([zstdFrame(Buffer.from('first')), LARGE])
    const stream = new BufferStream(bytes, { cuts: everyBytes(bytes.length, MIB) })
    const blocks = decode(stream, { concurrency: 2 })
    const first = await blocks.next()
    await stream.untilDelivered(17 * MIB)
    const text = Buffer.from(first.value ?? []).toString()
    const rest: Buffer[] = []
    for await (const block of blocks) rest.push(Buffer.concat([block]))
    expect(text).toBe('first')
    expect(Buffer.concat(rest).equals(LARGE_PLAIN)).toBe(true)
    expect(stream.released).toBe(bytes.length)
  })

  it('comes out whole to a consumer slower than its stream of small pieces', async () => {
    const plain = LARGE_PLAIN.subarray(0, 1_200_000)
    const bytes = zstdFrame(plain, { checksum: true })
    const stream = new BufferStream(bytes, { cuts: everyBytes(bytes.length, 700), holdBytes: 2000 })
    const blocks: Buffer[] = []
    for await (const block of decode(stream, { concurrency: 2 })) {
      const expected = plain.subarray(length(blocks), length(blocks) + block.length)
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
      expect(expected.equals(block)).toBe(true)
      blocks.push(Buffer.concat([block]))
    }
    expect(length(blocks)).toBe(plain.length)
  })

  it('takes no more of the stream than is read of it', async () => {
    const bytes = LARGE_SIZED
    const stream = new BufferStream(bytes, { cuts: everyBytes(bytes.length, MIB / 4) })
    const blocks = decode(stream, { concurrency: 2 })
    let read = 0
    for await (const block of blocks) {
      read += block.length
      expect(stream.delivered).toBeLessThan(read + 18 * MIB)
    }
    expect(read).toBe(LARGE_PLAIN.length)
  })
})

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
          message: expect.stringMatching(/at byte \d|magic|2\^53/),
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
