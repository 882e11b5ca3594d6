import type { FileHandle } from 'node:fs/promises'
import { Bell } from '../bell.ts'
import type { ByteStream } from '../byte-stream.ts'
import { ActionError } from '../errors.ts'
import { Ring } from '../ring.ts'

/** A file that is open, and stays so until the stream has ended. */
export interface OpenFile {
  readonly handle: FileHandle
  readonly bytes: number
  /** For a message. */
  readonly path: string
}

export interface DiskStreamOptions {
  readonly signal: AbortSignal
  /** Of the ring that is read into; a smaller file takes no more than its size. */
  readonly ringBytes?: number
}

/** With a ring of 8 MiB more frames go round its end, which takes 10 % longer; a larger one gains nothing. */
const RING_BYTES = 32 * 1024 * 1024
/** What is read at a time is this part of the ring. */
const BLOCKS = 32

/**
 * A file's bytes, read ahead of the consumer in blocks of 1 MiB, one at a time, into a ring of at most 32 MiB, so
 * that they lie side by side. A file that turns out to be shorter is an error.
 */
export function diskStream(file: OpenFile, options: DiskStreamOptions): ByteStream {
  return new DiskStream(file, options)
}

class DiskStream implements ByteStream {
  readonly holdBytes: number
  readonly #file: OpenFile
  readonly #signal: AbortSignal
  readonly #ring: Ring
  readonly #blockBytes: number
  readonly #bell = new Bell()
  #read = 0
  #end: { readonly reason: unknown } | undefined

  constructor(file: OpenFile, { signal, ringBytes = RING_BYTES }: DiskStreamOptions) {
    this.#file = file
    this.#signal = signal
    this.#ring = new Ring(Math.min(ringBytes, file.bytes), file.bytes)
    this.#blockBytes = Math.ceil(ringBytes / BLOCKS)
    // A whole block has room, whatever of these the consumer holds.
    this.holdBytes = this.#ring.capacity - (file.bytes > ringBytes ? this.#blockBytes : 0)
  }

  release(upTo: number): void {
    this.#ring.release(upTo)
    this.#bell.ring()
  }

  cancel(reason: unknown): void {
    this.#end ??= { reason }
    this.#bell.ring()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const relay = (): void => this.cancel(this.#signal.reason)
    this.#signal.addEventListener('abort', relay)
    if (this.#signal.aborted) relay()
    const reading = this.#readAhead().catch((error: unknown) => this.cancel(error))
    try {
      for (let at = 0; at < this.#file.bytes; ) {
        while (this.#read === at && this.#end === undefined) await this.#bell.wait()
        if (this.#end !== undefined) throw this.#end.reason
        const end = this.#read
        yield* this.#ring.views(at, end)
        at = end
      }
    } finally {
      this.#signal.removeEventListener('abort', relay)
      this.cancel(new Error('the consumer stopped'))
      await reading
    }
  }

  async #readAhead(): Promise<void> {
    const { handle, bytes } = this.#file
    while (this.#read < bytes) {
      const end = Math.min(this.#read + this.#blockBytes, bytes)
      while (end > this.#ring.limit && this.#end === undefined) await this.#bell.wait()
      if (this.#end !== undefined) return
      this.#read += await this.#readBlock(handle, end)
      this.#bell.ring()
    }
  }

  /** Reads up to `end`, or to the end of the ring, straight into it. */
  async #readBlock(handle: FileHandle, end: number): Promise<number> {
    const [memory = new Uint8Array(0)] = this.#ring.views(this.#read, end)
    const { path, bytes } = this.#file
    let cause: unknown
    try {
      const { bytesRead } = await handle.read(memory, { position: this.#read })
      if (bytesRead > 0) return bytesRead
    } catch (error) {
      cause = error
    }
    throw new ActionError('TRUNCATED', `${path} gave ${this.#read} of ${bytes} bytes`, { cause })
  }
}
