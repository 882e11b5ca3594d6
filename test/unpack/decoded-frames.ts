import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { decode } from '../../src/unpack/decode.ts'
import { skippableFrame, zstdFrame } from '../support/archive.ts'
import { type BufferStream, sampleBytes } from './fixture.ts'

export const MIB = 2 ** 20

/** Decodes all of a stream. A piece is overwritten before the next is asked for: it is whoever's who got it. */
export async function decoded(stream: BufferStream, concurrency = 2): Promise<Buffer> {
  const blocks: Buffer[] = []
  for await (const block of decode(stream, { concurrency })) {
    expect(block.length).toBeGreaterThan(0)
    blocks.push(Buffer.concat([block]))
    block.fill(0xa5)
  }
  return Buffer.concat(blocks)
}

const SMALL_PARTS = [120, 0, 1, 300, 64].map((length, seed) => sampleBytes(length, seed + 1))
export const SMALL_PLAIN = Buffer.concat(SMALL_PARTS)
export const SMALL = Buffer.concat(
  SMALL_PARTS.flatMap((part, index) => [
    skippableFrame(Buffer.from('size')),
    zstdFrame(part, { checksum: true, contentSize: index % 2 === 0 }),
  ]),
)

/** 33 MiB that do not compress: too large to hold. */
export const LARGE_PLAIN = Buffer.concat(Array.from({ length: 33 }, (_, seed) => bytesOf(seed)))
export const LARGE = zstdFrame(LARGE_PLAIN, { checksum: true })
export const LARGE_SIZED = zstdFrame(LARGE_PLAIN, { checksum: true, contentSize: true })

function bytesOf(seed: number): Buffer {
  return createHash('shake256', { outputLength: MIB }).update(`${seed}`).digest()
}
