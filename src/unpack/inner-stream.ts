import { Bell } from '../bell.ts'
import type { ByteStream } from '../byte-stream.ts'
import { ActionError } from '../errors.ts'
import { Ring } from '../ring.ts'
import { shownPath } from '../shown-path.ts'
import { decode } from './decode.ts'
import { type TarEntry, TarParser } from './tar.ts'

export interface InnerStreamOptions {
  /** What the file is called in the outer archive, to the letter. */
  readonly path: string
  /** How many of the file's bytes are kept at most: at least 1. Half of them may stay unreleased. */
  readonly capacityBytes: number
  /** What the outer archive may decode to, lest a small one is endless. */
  readonly maxBytes: number
}

/**
 * The content of the only file in a `tar.zst`, as that arrives; CORRUPT_ARCHIVE where anything but directories above
 * it is beside it. Memory is bounded by `capacityBytes`, the outer frame's window of at most 128 MiB and a few pieces
 * of 320 KiB. Of the outer stream nothing stays unreleased while more is asked for.
 */
export function innerStream(outer: ByteStream, options: InnerStreamOptions): ByteStream {
  return new InnerStream(outer, options)
}

class InnerStream implements ByteStream {
  readonly holdBytes: number
  readonly #outer: ByteStream
  readonly #path: string
  readonly #maxBytes: number
  readonly #ring: Ring
  readonly #bell = new Bell()
  #isFound = false
  #written = 0
  #cancelled: { readonly reason: unknown } | undefined

  constructor(outer: ByteStream, { path, capacityBytes, maxBytes }: InnerStreamOptions) {
    this.holdBytes = Math.floor(capacityBytes / 2)
    this.#outer = outer
    this.#path = path
    this.#maxBytes = maxBytes
    this.#ring = new Ring(capacityBytes)
  }

  release(upTo: number): void {
    this.#ring.release(upTo)
    this.#bell.ring()
  }

  cancel(reason: unknown): void {
    this.#cancelled ??= { reason }
    this.#outer.cancel(reason)
    this.#bell.ring()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* this.#content()
    } catch (error) {
      throw this.#cancelled === undefined ? error : this.#cancelled.reason
    }
  }

  async *#content(): AsyncGenerator<Uint8Array, void, undefined> {
    const parser = new TarParser()
    let decodedBytes = 0
    for await (const block of decode(unheld(this.#outer), { concurrency: 1 })) {
      decodedBytes += block.length
      if (decodedBytes > this.#maxBytes) throw this.#tooLarge()
      for (const event of parser.push(block)) {
        if (event.kind === 'entry') this.#admit(event.entry)
        else yield* this.#copies(block.subarray(event.start, event.end))
      }
    }
    parser.end()
    if (!this.#isFound) throw this.#refused('has nothing in it')
  }

  #admit({ kind, path }: TarEntry): void {
    const isAbove = kind === 'directory' && this.#path.startsWith(`${path.replace(/\/$/, '')}/`)
    const isWanted = kind === 'file' && path === this.#path
    if (this.#isFound || !(isAbove || isWanted))
      throw this.#refused(`has the ${kind} ${shownPath(path)} in it`)
    this.#isFound = isWanted
  }

  /** Copies of the bytes in the ring, each when there is room for it. */
  async *#copies(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    for (let read = 0; read < bytes.length; ) {
      while (this.#cancelled === undefined && this.#written === this.#ring.limit) await this.#bell.wait()
      if (this.#cancelled !== undefined) throw this.#cancelled.reason
      const at = this.#written
      const fitting = bytes.subarray(read, read + this.#ring.limit - at)
      this.#ring.write(at, fitting)
      this.#written += fitting.length
      read += fitting.length
      yield* this.#ring.views(at, this.#written)
    }
  }

  #refused(what: string): ActionError {
    const message = `the outer archive ${what}; it may only have the file ${shownPath(this.#path)}`
    return new ActionError('CORRUPT_ARCHIVE', message)
  }

  #tooLarge(): ActionError {
    return new ActionError('LIMIT_EXCEEDED', `the outer archive has more than ${this.#maxBytes} bytes`)
  }
}

/** The stream as one of which no frame can be held, so that a frame is decoded from its first bytes on. */
function unheld(stream: ByteStream): ByteStream {
  return {
    holdBytes: 0,
    release: (upTo) => stream.release(upTo),
    cancel: (reason) => stream.cancel(reason),
    [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator](),
  }
}
