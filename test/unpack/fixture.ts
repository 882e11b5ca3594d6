import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import fc from 'fast-check'
import { expect } from 'vitest'
import { Bell } from '../../src/bell.ts'
import type { ByteStream } from '../../src/byte-stream.ts'

export interface BufferStreamOptions {
  /** Where the buffer is cut into pieces; default none. */
  readonly cuts?: readonly number[]
  /** Default: everything may stay unreleased. */
  readonly holdBytes?: number
  /** `whole`: the pieces lie side by side, as in a ring; `pieces`: each has memory of its own. */
  readonly memory?: 'whole' | 'pieces'
  /** What the stream fails with after its last byte. */
  readonly failure?: Error
}

/**
 * A buffer as a ByteStream that keeps its consumer to the contract: what is released is overwritten at once, and
 * nothing more comes while more than `holdBytes` are unreleased.
 */
export class BufferStream implements ByteStream {
  readonly holdBytes: number
  readonly #bytes: Buffer
  readonly #memory: 'whole' | 'pieces'
  readonly #cuts: readonly number[]
  readonly #failure: Error | undefined
  readonly #bell = new Bell()
  readonly #views: { readonly start: number; readonly bytes: Buffer }[] = []
  delivered = 0
  released = 0
  /** Whether whoever iterates has come to the end or has stopped. */
  ended = false
  cancelled: { readonly reason: unknown } | undefined

  constructor(bytes: Buffer, options: BufferStreamOptions = {}) {
    this.#bytes = Buffer.concat([bytes])
    this.#cuts = [...(options.cuts ?? []), bytes.length]
    this.#memory = options.memory ?? 'whole'
    this.#failure = options.failure
    this.holdBytes = options.holdBytes ?? bytes.length
  }

  release(upTo: number): void {
    if (upTo > this.delivered) throw new Error(`released ${upTo} of ${this.delivered} bytes delivered`)
    if (upTo <= this.released) return
    for (const { start, bytes } of this.#views) {
      const end = upTo - start
      if (end > 0) bytes.fill(0xa5, 0, Math.min(end, bytes.length))
    }
    while (this.#views[0] !== undefined && this.#views[0].start + this.#views[0].bytes.length <= upTo) {
      this.#views.shift()
    }
    this.released = upTo
    this.#bell.ring()
  }

  cancel(reason: unknown): void {
    this.cancelled ??= { reason }
    this.#bell.ring()
  }

  /** Resolves once so many bytes have been asked for, or the stream has ended. */
  async untilDelivered(bytes: number): Promise<void> {
    while (this.delivered < bytes && !this.ended) await this.#bell.wait()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (const cut of this.#cuts) {
        while (this.cancelled === undefined && this.delivered - this.released > this.holdBytes) {
          await this.#bell.wait()
        }
        if (this.cancelled !== undefined) throw this.cancelled.reason
        const start = this.delivered
        const piece = this.#bytes.subarray(start, cut)
        const bytes = this.#memory === 'whole' ? piece : Buffer.concat([piece])
        this.#views.push({ start, bytes })
        this.delivered = cut
        this.#bell.ring()
        yield bytes
      }
      if (this.#failure !== undefined) throw this.#failure
    } finally {
      this.ended = true
      this.#bell.ring()
    }
  }
}

/** The places at which a buffer is cut into pieces of so many bytes. */
export function everyBytes(length: number, pieceBytes: number): number[] {
  return Array.from({ length: Math.ceil(length / pieceBytes) - 1 }, (_, index) => (index + 1) * pieceBytes)
}

/** Up to so many places anywhere in a buffer of this length, in order. */
export function anyCuts(length: number, most: number): fc.Arbitrary<number[]> {
  return fc.array(fc.nat(length), { maxLength: most }).map((cuts) => cuts.sort((a, b) => a - b))
}

/** What a reader throws, the same in one piece and byte by byte; undefined where it takes the bytes. */
export function refusalOf(read: (bytes: Buffer, cuts: readonly number[]) => unknown, bytes: Buffer): unknown {
  const [whole, single] = [[], everyBytes(bytes.length, 1)].map((cuts) => {
    try {
      read(bytes, cuts)
    } catch (error) {
      return error
    }
    return undefined
  })
  expect(single).toEqual(whole)
  return whole
}

/** The pieces between cuts, which are in order. */
export function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  return [...cuts, bytes.length].map((cut, index) => bytes.subarray(cuts[index - 1] ?? 0, cut))
}

/** One block of a zstd frame made by hand; `size` is what its header claims, where that is not the truth. */
export interface HandBlock {
  readonly type: 'raw' | 'rle' | 'compressed' | 'reserved'
  readonly content: Buffer
  readonly size?: number
}

export interface HandFrame {
  readonly blocks: readonly HandBlock[]
  /** Without one the frame is a single segment and needs a content size. */
  readonly windowByte?: number
  readonly contentSize?: { readonly width: 1 | 2 | 4 | 8; readonly value: number | bigint }
  readonly dictionary?: { readonly width: 1 | 2 | 4; readonly id: number }
  readonly reservedBit?: boolean
  /** The four bytes of a checksum, right or wrong. */
  readonly checksum?: Buffer
}

const BLOCK_TYPES = { raw: 0, rle: 1, compressed: 2, reserved: 3 } as const

/** A zstd frame written field by field (RFC 8878, 3.1.1). */
export function handFrame(frame: HandFrame): Buffer {
  const { windowByte, contentSize, dictionary, checksum } = frame
  const single = windowByte === undefined
  const sizeFlag = contentSize === undefined ? 0 : { 1: 0, 2: 1, 4: 2, 8: 3 }[contentSize.width]
  const dictionaryFlag = dictionary === undefined ? 0 : { 1: 1, 2: 2, 4: 3 }[dictionary.width]
  const descriptor =
    (sizeFlag << 6) |
    (single ? 0x20 : 0) |
    (frame.reservedBit === true ? 8 : 0) |
    (checksum === undefined ? 0 : 4) |
    dictionaryFlag
  return Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, descriptor]),
    single ? Buffer.alloc(0) : Buffer.from([windowByte]),
    littleEndian(dictionary?.id ?? 0, dictionary?.width ?? 0),
    littleEndian(storedSize(contentSize), contentSize?.width ?? 0),
    ...frame.blocks.flatMap((block, index) => [
      blockHeader(block, index === frame.blocks.length - 1),
      block.content,
    ]),
    checksum ?? Buffer.alloc(0),
  ])
}

function storedSize(size: HandFrame['contentSize']): bigint {
  return BigInt(size?.value ?? 0) - (size?.width === 2 ? 256n : 0n)
}

function blockHeader({ type, content, size }: HandBlock, last: boolean): Buffer {
  const value = ((size ?? content.length) << 3) | (BLOCK_TYPES[type] << 1) | (last ? 1 : 0)
  return littleEndian(value, 3)
}

function littleEndian(value: number | bigint, width: number): Buffer {
  const field = Buffer.alloc(width)
  for (let at = 0; at < width; at += 1) field[at] = Number((BigInt(value) >> BigInt(8 * at)) & 0xffn)
  return field
}

/** Bytes that compress somewhat, different everywhere, the same in each run. */
export function sampleBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let at = 0; at < length; at += 1) {
    if (at % 7 < 3) {
      bytes[at] = 0x20 + (at % 11)
    } else {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      bytes[at] = state >>> 24
    }
  }
  return bytes
}

/** What lies at a path: a file's permissions and bytes, a symlink's target or a directory's permissions, as text. */
export type Listing = ReadonlyMap<string, string>

/** Everything below a directory, by its path (latin1), of which directories end in a slash. */
export function listing(directory: string): Listing {
  const found = new Map<string, string>()
  const visit = (place: Buffer, path: string): void => {
    for (const name of readdirSync(place, { encoding: 'latin1' }).sort()) {
      const child = Buffer.concat([place, Buffer.from(`/${name}`, 'latin1')])
      const stats = lstatSync(child)
      const mode = (stats.mode & 0o7777).toString(8)
      if (stats.isSymbolicLink()) found.set(path + name, `-> ${readlinkSync(child, 'latin1')}`)
      else if (stats.isDirectory()) {
        found.set(`${path + name}/`, mode)
        visit(child, `${path + name}/`)
      } else found.set(path + name, `${mode} ${readFileSync(child, 'latin1')}`)
    }
  }
  visit(Buffer.from(directory), '')
  return found
}
