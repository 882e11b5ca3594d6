import { execFileSync } from 'node:child_process'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode } from '../../src/unpack/decode.ts'
import { pzstd, skippableFrame, zstdFrame } from '../support/archive.ts'
import { skipWithout } from '../support/programs.ts'
import { turns } from '../support/turns.ts'
import { decoded, LARGE, LARGE_PLAIN, LARGE_SIZED, MIB, SMALL, SMALL_PLAIN } from './decoded-frames.ts'
import {
  anyCuts,
  BufferStream,
  type BufferStreamOptions,
  everyBytes,
  handFrame,
  sampleBytes,
} from './fixture.ts'

async function expectDecoded(bytes: Buffer, plain: Buffer, options: BufferStreamOptions = {}): Promise<void> {
  const stream = new BufferStream(bytes, options)
  const found = await decoded(stream)
  expect(found.length).toBe(plain.length)
  expect(found.equals(plain)).toBe(true)
  expect(stream.released).toBe(bytes.length)
  expect(stream.ended).toBe(true)
}

function length(blocks: readonly Buffer[]): number {
  return blocks.reduce((sum, block) => sum + block.length, 0)
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
        anyCuts(SMALL.length, 30),
        fc.constantFrom('whole', 'pieces'),
        fc.nat(SMALL.length),
        async (cuts, memory, holdBytes) => {
          await expectDecoded(SMALL, SMALL_PLAIN, { cuts, memory, holdBytes })
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
      await turns(20)
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
