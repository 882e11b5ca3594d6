import { closeSync, readSync } from 'node:fs'
import type { Block } from './frames.ts'
import { notPacked } from './not-packed.ts'
import type { Source } from './source.ts'
import { type Member, tarEnd, tarHead, tarPadding } from './tar-writer.ts'

export interface TarOptions {
  /** Of every member, in whole seconds since 1970. */
  readonly mtime: number
  /** Asked for paths below the directory, latin1. What is in a directory that is not kept is not asked for. */
  readonly keeps: (path: string) => boolean
}

/** What pzstd puts into a frame, which is what those who unpack count on. */
export const BLOCK_BYTES = 8 * 1024 * 1024
/** One more byte of a file is asked for than it should have: so it shows when the file has grown. */
const SPARE_BYTES = 1
const ZEROS = Buffer.alloc(512)

type FileMember = Member & { readonly kind: 'file' }

/**
 * A directory as a tar archive, in blocks of 8 MiB of which only the last is smaller. Files are read right into them.
 * There are as many blocks in memory as have not been released, and the one being filled.
 */
export class TarBlocks implements Iterable<Block> {
  readonly #source: Source
  readonly #options: TarOptions
  readonly #free: Buffer[] = []
  #block: Buffer | undefined
  #filled = 0
  /** Files and links so far. */
  files = 0
  /** Bytes in the blocks given so far. */
  bytes = 0

  constructor(source: Source, options: TarOptions) {
    this.#source = source
    this.#options = options
  }

  *[Symbol.iterator](): Generator<Block, void, undefined> {
    const { keeps, mtime } = this.#options
    for (const member of this.#source.members(keeps)) {
      yield* this.#put(tarHead(member, mtime))
      if (member.kind !== 'directory') this.files += 1
      if (member.kind === 'file') yield* this.#putContent(member)
    }
    yield* this.#put(tarEnd(this.bytes + this.#filled))
    if (this.#filled > 0) yield this.#take()
  }

  *#put(bytes: Uint8Array): Generator<Block, void, undefined> {
    for (let put = 0; put < bytes.length; ) {
      const part = bytes.subarray(put, put + BLOCK_BYTES - this.#filled)
      this.#current().set(part, this.#filled)
      put += part.length
      yield* this.#advance(part.length)
    }
  }

  *#putContent({ path, size }: FileMember): Generator<Block, void, undefined> {
    const file = this.#source.open(path)
    try {
      let read = 0
      do {
        const wanted = Math.min(size - read, BLOCK_BYTES - this.#filled)
        const count = this.#read(path, file, wanted + SPARE_BYTES, read)
        if (count > size - read) throw notPacked(path, `it grew beyond ${size} bytes while it was read`)
        if (count === 0 && read < size)
          throw notPacked(path, `it shrank from ${size} bytes to ${read} while it was read`)
        read += Math.min(count, wanted)
        yield* this.#advance(Math.min(count, wanted))
      } while (read < size)
    } finally {
      closeSync(file)
    }
    yield* this.#put(ZEROS.subarray(0, tarPadding(size)))
  }

  #read(path: string, file: number, bytes: number, position: number): number {
    try {
      return readSync(file, this.#current(), this.#filled, bytes, position)
    } catch (error) {
      throw notPacked(path, 'it could not be read', error)
    }
  }

  #current(): Buffer {
    this.#block ??= this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES + SPARE_BYTES)
    return this.#block
  }

  *#advance(bytes: number): Generator<Block, void, undefined> {
    this.#filled += bytes
    if (this.#filled === BLOCK_BYTES) yield this.#take()
  }

  #take(): Block {
    const block = this.#current()
    const bytes = block.subarray(0, this.#filled)
    this.bytes += this.#filled
    this.#block = undefined
    this.#filled = 0
    return { bytes, release: () => this.#free.push(block) }
  }
}
