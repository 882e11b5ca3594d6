import { Bell } from '../bell.ts'
import type { ByteStream } from '../byte-stream.ts'
import { ActionError } from '../errors.ts'
import type { Attempts } from '../http/attempts.ts'
import type { HttpClient, Reply } from '../http/client.ts'
import { placeOf } from '../http/failure.ts'
import { planChunks, type Range } from '../http/ranges.ts'
import type { StallLimits } from '../http/stall.ts'
import { inOrder, type Job, type RunAhead } from '../in-order.ts'
import type { Snapshot } from '../snapshot/open.ts'
import { Chunk, type Source } from './chunk.ts'
import { Ring } from './ring.ts'

export interface DownloadOptions {
  readonly client: Pick<HttpClient, 'get'>
  readonly concurrency: number
  readonly chunkBytes: number
  readonly headersTimeoutMs: number
  readonly stall: StallLimits
  /** For a number of chunks, how they are retried. */
  readonly attemptsFor: (chunks: number, signal: AbortSignal) => Attempts
  readonly signal: AbortSignal
}

/**
 * An opened object as one stream: parallel ranges, in order, pinned to one revision. Memory is bounded by
 * `2 x concurrency x chunkBytes`; at most `concurrency` requests run, and the head's bytes flow as they come.
 */
export function download(snapshot: Snapshot, options: DownloadOptions): ByteStream {
  return new Download(snapshot, options)
}

/** A range to fetch, and the reply that has it already, where there is one. */
interface Part {
  readonly range: Range
  readonly reply?: Reply
}

class Download implements ByteStream {
  readonly holdBytes: number
  readonly #snapshot: Snapshot
  readonly #options: DownloadOptions
  readonly #source: Source
  readonly #ring: Ring
  readonly #bell = new Bell()
  readonly #cancelled = new AbortController()
  readonly #chunks: Chunk[] = []
  /** Where the chunks end that are asked for and not all released. */
  readonly #held: number[] = []

  constructor(snapshot: Snapshot, options: DownloadOptions) {
    const { concurrency, chunkBytes, attemptsFor } = options
    const window = 2 * concurrency * chunkBytes
    const { signal } = this.#cancelled
    this.#snapshot = snapshot
    this.#options = options
    this.#ring = new Ring(Math.max(1, Math.min(window, snapshot.total ?? window)))
    this.#source = {
      ...options,
      url: snapshot.url,
      etag: snapshot.etag,
      total: snapshot.total,
      attempts: attemptsFor(Math.ceil((snapshot.total ?? 0) / chunkBytes), signal),
      signal,
      ring: this.#ring,
      bell: this.#bell,
    }
    this.holdBytes = this.#ring.capacity / 2
    signal.addEventListener('abort', () => this.#bell.ring())
  }

  release(upTo: number): void {
    this.#ring.release(upTo)
    while (this.#held[0] !== undefined && this.#held[0] <= upTo) this.#held.shift()
    for (const chunk of this.#chunks) chunk.drain()
    this.#bell.ring()
  }

  cancel(reason: unknown): void {
    this.#cancelled.abort(reason)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const { signal, concurrency } = this.#options
    const relay = (): void => this.cancel(signal.reason)
    signal.addEventListener('abort', relay)
    if (signal.aborted) relay()
    try {
      yield* this.#inOrder({
        active: concurrency,
        window: 2 * concurrency,
        cancel: (reason) => this.cancel(reason),
      })
    } finally {
      signal.removeEventListener('abort', relay)
    }
  }

  async *#inOrder(limits: RunAhead): AsyncGenerator<Uint8Array, void, undefined> {
    const { url, total } = this.#source
    let received = 0
    for await (const chunk of inOrder(this.#parts(), (part) => this.#begin(part), limits)) {
      for await (const bytes of chunk.bytes()) {
        received += bytes.length
        yield bytes
      }
      this.#chunks.shift()
    }
    if (total === undefined || received === total) return
    throw new ActionError('TRUNCATED', `${placeOf(url)} gave ${received} of ${total} bytes`)
  }

  #begin({ range, reply }: Part): Job<Chunk> {
    const chunk = new Chunk(this.#source, range, reply)
    this.#chunks.push(chunk)
    return { value: chunk, done: chunk.done }
  }

  /** The parts in order, each when the ring has room for it. */
  async *#parts(): AsyncGenerator<Part, void, undefined> {
    const snapshot = this.#snapshot
    if (snapshot.kind === 'empty') return
    if (snapshot.kind === 'stream') {
      yield { range: { start: 0, end: snapshot.total ?? Number.POSITIVE_INFINITY }, reply: snapshot.reply }
      return
    }
    const { end, reply } = snapshot.first
    this.#held.push(end)
    yield { range: { start: 0, end }, reply }
    for (const range of planChunks({ start: end, end: snapshot.total }, this.#options)) {
      await this.#roomFor(range)
      this.#held.push(range.end)
      yield { range }
    }
  }

  async #roomFor({ end }: Range): Promise<void> {
    const most = 2 * this.#options.concurrency
    while (end > this.#ring.limit || this.#held.length >= most) {
      this.#cancelled.signal.throwIfAborted()
      await this.#bell.wait()
    }
  }
}
