import { execFileSync } from 'node:child_process'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { Bell } from '../../src/bell.ts'
import { type Block, type FrameOptions, frames } from '../../src/pack/frames.ts'
import { skipWithout } from '../support/programs.ts'
import { turns } from '../support/turns.ts'
import { sampleBytes } from '../unpack/fixture.ts'
import { expectFrames } from '../unpack/scanned-frames.ts'

/** Blocks of other bytes each, and what has become of them. */
class Blocks implements Iterable<Block> {
  readonly #count: number
  readonly #blockBytes: number
  readonly #bell = new Bell()
  given = 0
  released = 0
  maxHeld = 0
  ended = false

  constructor(count: number, blockBytes = 1000) {
    this.#count = count
    this.#blockBytes = blockBytes
  }

  get plain(): Buffer {
    return Buffer.concat(Array.from({ length: this.#count }, (_, index) => this.#block(index)))
  }

  *[Symbol.iterator](): Generator<Block, void, undefined> {
    try {
      while (this.given < this.#count) {
        const bytes = this.#block(this.given)
        this.given += 1
        this.maxHeld = Math.max(this.maxHeld, this.given - this.released)
        yield { bytes, release: () => this.#release(bytes) }
      }
    } finally {
      this.ended = true
    }
  }

  async untilReleased(blocks: number): Promise<void> {
    while (this.released < blocks) await this.#bell.wait()
  }

  #block(index: number): Buffer {
    return sampleBytes(this.#blockBytes, index + 1)
  }

  #release(bytes: Buffer): void {
    bytes.fill(0xa5)
    this.released += 1
    this.#bell.ring()
  }
}

function framesOf(blocks: Iterable<Block>, options: Partial<FrameOptions> = {}): AsyncGenerator<Uint8Array> {
  return frames(blocks, { level: 3, concurrency: 2, signal: new AbortController().signal, ...options })
}

function outputOf(program: string, args: string[], input: Buffer): Buffer {
  return execFileSync(program, args, { input, maxBuffer: 2 ** 28, stdio: 'pipe' })
}

describe('frames', () => {
  it.each([1, 3, 19])('are as pzstd writes them, with their sizes, at level %i', async (level) => {
    const blocks = new Blocks(5, 300_000)
    const bytes = await buffer(framesOf(blocks, { level }))
    const found = expectFrames(bytes, blocks.plain)
    let at = 0
    for (const frame of found) {
      const size = frame.end - frame.at
      expect([0, 4, 8].map((field) => bytes.readUInt32LE(at + field))).toEqual([0x184d2a50, 4, size])
      expect(frame.at).toBe(at + 12)
      expect(frame.header.contentBytes).toBe(300_000)
      at = frame.end
    }
    expect(found).toHaveLength(5)
    expect(at).toBe(bytes.length)
  })

  it.for(['zstd', 'pzstd'])(
    'are decoded by %s, which finds damage by their checksums',
    async (program, context) => {
      skipWithout(context, program)
      const blocks = new Blocks(3, 300_000)
      const bytes = await buffer(framesOf(blocks))
      expect(outputOf(program, ['-q', '-dc'], bytes).equals(blocks.plain)).toBe(true)
      const last = bytes.length - 1
      bytes[last] = (bytes[last] ?? 0) ^ 1
      expect(() => outputOf(program, ['-q', '-t'], bytes)).toThrow('hecksum')
    },
  )

  it('are larger than their blocks where nothing can be compressed', async () => {
    const bytes = crypto.getRandomValues(Buffer.alloc(65_536))
    const release = (): void => {}
    const output = await buffer(framesOf([{ bytes, release }], { level: 19 }))
    expect(output.length).toBeGreaterThan(bytes.length)
    expectFrames(output, bytes)
  })

  it('are the same for the same blocks, however many are compressed at a time', async () => {
    const outputs = await Promise.all(
      [1, 4].map((concurrency) => buffer(framesOf(new Blocks(20), { concurrency }))),
    )
    expect(outputs[0]?.equals(outputs[1] ?? Buffer.alloc(0))).toBe(true)
  })

  it('are none for no blocks', async () => {
    expect(await Array.fromAsync(framesOf([]))).toEqual([])
  })
})

describe('frames ahead of their consumer', () => {
  it.each([1, 2, 3])('are bounded while it stands still: %i at a time', async (concurrency) => {
    const blocks = new Blocks(50)
    const pieces = framesOf(blocks, { concurrency })
    await pieces.next()
    await blocks.untilReleased(2 * concurrency)
    await turns(20)
    expect(blocks.given).toBe(2 * concurrency + 1)
    expect(blocks.released).toBe(2 * concurrency)
    await Array.fromAsync(pieces)
    expect(blocks.maxHeld).toBeLessThanOrEqual(concurrency + 1)
    expect(blocks.released).toBe(50)
  })

  it('end when it stops, and none is being made afterwards', async () => {
    const blocks = new Blocks(50)
    for await (const _ of framesOf(blocks)) break
    expect(blocks.ended).toBe(true)
    expect(blocks.given - blocks.released).toBeLessThanOrEqual(1)
  })

  it('end with the reason of an abort, though there are some that wait', async () => {
    const abort = new AbortController()
    const blocks = new Blocks(50)
    const pieces = framesOf(blocks, { signal: abort.signal })
    await pieces.next()
    await pieces.next()
    await blocks.untilReleased(4)
    const reason = new Error('the job was cancelled')
    abort.abort(reason)
    await expect(pieces.next()).rejects.toBe(reason)
    expect(blocks.ended).toBe(true)
    expect(blocks.given - blocks.released).toBeLessThanOrEqual(1)
  })

  it('do not begin after an abort', async () => {
    const blocks = new Blocks(50)
    const reason = new Error('the job was cancelled')
    await expect(framesOf(blocks, { signal: AbortSignal.abort(reason) }).next()).rejects.toBe(reason)
    expect(blocks.given).toBe(1)
  })

  it('end with the error of the blocks', async () => {
    const failure = new Error('it grew')
    function* failing(): Generator<Block> {
      yield* new Blocks(2)
      throw failure
    }
    await expect(Array.fromAsync(framesOf(failing()))).rejects.toBe(failure)
  })
})
