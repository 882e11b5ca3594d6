import { Bell } from '../bell.ts'
import type { ByteStream } from '../byte-stream.ts'
import { ActionError } from '../errors.ts'
import type { Attempts } from '../http/attempts.ts'
import { placeOf } from '../http/failure.ts'
import type { ChunkLimits } from '../http/ranges.ts'
import type { Snapshot } from '../snapshot/open.ts'
import type { Source } from './fetch-range.ts'
import { Lanes } from './lanes.ts'
import { ParallelFetch } from './parallel.ts'
import type { Fetch } from './scope.ts'
import { SingleFetch } from './single.ts'

export interface DownloadOptions
  extends ChunkLimits,
    Pick<Source, 'client' | 'headersTimeoutMs' | 'stall' | 'signal'> {
  /** How requests for a number of chunks are repeated, until the signal is aborted. */
  readonly attemptsFor: (chunks: number, signal: AbortSignal) => Attempts
}

/**
 * An opened snapshot as one stream: parallel ranges, in order, pinned to one revision. Memory is bounded by
 * `2 x concurrency x chunkBytes`; at most `concurrency` requests run, and the oldest chunk's bytes flow as they come.
 */
export function download(snapshot: Snapshot, options: DownloadOptions): ByteStream {
  return new Download(snapshot, options)
}

class Download implements ByteStream {
  readonly #snapshot: Snapshot
  readonly #signal: AbortSignal
  readonly #cancelled = new AbortController()
  readonly #bell = new Bell()
  readonly #fetch: Fetch | undefined

  constructor(snapshot: Snapshot, options: DownloadOptions) {
    const { signal } = this.#cancelled
    this.#snapshot = snapshot
    this.#signal = options.signal
    signal.addEventListener('abort', () => this.#bell.ring())
    if (snapshot.kind === 'empty') return
    const { url, etag, total } = snapshot
    const attempts = options.attemptsFor(Math.ceil((total ?? 0) / options.chunkBytes), signal)
    const wake = { bell: this.#bell, signal }
    const lanes = new Lanes(options.concurrency, wake)
    const scope = {
      ...wake,
      source: { ...options, url, etag, total, attempts, lanes, signal },
      limits: options,
      cancel: (reason: unknown) => this.cancel(reason),
    }
    this.#fetch =
      snapshot.kind === 'ranges' ? new ParallelFetch(snapshot, scope) : new SingleFetch(snapshot, scope)
  }

  get holdBytes(): number {
    return this.#fetch?.holdBytes ?? 0
  }

  release(upTo: number): void {
    this.#fetch?.release(upTo)
    this.#bell.ring()
  }

  cancel(reason: unknown): void {
    this.#cancelled.abort(reason)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const relay = (): void => this.cancel(this.#signal.reason)
    this.#signal.addEventListener('abort', relay)
    if (this.#signal.aborted) relay()
    let received = 0
    try {
      for await (const bytes of this.#fetch?.bytes() ?? []) {
        received += bytes.length
        yield bytes
      }
    } finally {
      this.#signal.removeEventListener('abort', relay)
    }
    const { url, total } = this.#snapshot
    if (total === undefined || received === total) return
    throw new ActionError('TRUNCATED', `${placeOf(url)} gave ${received} of ${total} bytes`)
  }
}
