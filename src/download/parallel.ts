import { chunkSize, type Range, split } from '../http/ranges.ts'
import { inOrder, type Job } from '../in-order.ts'
import type { RangedSnapshot } from '../snapshot/open.ts'
import { Chunk } from './chunk.ts'
import { fetchRange } from './fetch-range.ts'
import type { Fetch, Scope } from './scope.ts'
import { Slots } from './slots.ts'

/** A chunk that is asked for and not all released. */
interface Held {
  readonly end: number
  readonly giveBack: () => void
}

/**
 * Chunks asked for and not released, for each connection. With 1 every connection idles while the oldest chunk
 * finishes (7 % slower at 8 x 30 MB/s); with 1.25, 1.5 or 2 nothing comes faster, and it takes more memory.
 */
const HELD_PER_CONNECTION = 1.125

/**
 * The chunks of an object, fetched in parallel and handed on in order. At most `concurrency` requests run, and at
 * most an eighth more chunks are asked for and not released. While the consumer has bytes left to take, no more
 * than half of `concurrency` lie ahead of it: they would only cost memory.
 */
export class ParallelFetch implements Fetch {
  readonly holdBytes: number
  readonly #snapshot: RangedSnapshot
  readonly #scope: Scope
  readonly #chunkBytes: number
  readonly #mostHeld: number
  readonly #slots: Slots
  readonly #held: Held[] = []
  /** Chunks that the consumer does not have all of, the oldest first. */
  readonly #ahead: Chunk[] = []
  /** Whether the first chunk is complete: before, more requests than connections would gain nothing. */
  #isUnderWay = false

  constructor(snapshot: RangedSnapshot, scope: Scope) {
    const { concurrency } = scope.limits
    this.#snapshot = snapshot
    this.#scope = scope
    this.#chunkBytes = chunkSize(snapshot.total - snapshot.first.end, scope.limits)
    this.#mostHeld = Math.ceil(HELD_PER_CONNECTION * concurrency)
    this.#slots = new Slots({
      count: this.#mostHeld,
      firstBytes: snapshot.first.end,
      bytes: this.#chunkBytes,
    })
    this.holdBytes = (this.#mostHeld - 2) * this.#chunkBytes
  }

  async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    const { concurrency } = this.#scope.limits
    const chunks = inOrder(this.#admitted(), (range) => this.#begin(range), {
      active: concurrency,
      window: this.#mostHeld,
      cancel: this.#scope.cancel,
    })
    for await (const chunk of chunks) {
      yield* chunk.bytes()
      this.#ahead.shift()
      this.#isUnderWay = true
      this.#scope.bell.ring()
    }
  }

  release(upTo: number): void {
    for (let oldest = this.#held[0]; oldest !== undefined && oldest.end <= upTo; oldest = this.#held[0]) {
      oldest.giveBack()
      this.#held.shift()
    }
    if (upTo >= this.#snapshot.total) this.#slots.free()
  }

  /** The ranges in order, each when there may be one more. */
  async *#admitted(): AsyncGenerator<Range, void, undefined> {
    const { first, total } = this.#snapshot
    yield { start: 0, end: first.end }
    for (const range of split({ start: first.end, end: total }, this.#chunkBytes)) {
      while (!this.#mayAdmit()) {
        this.#scope.signal.throwIfAborted()
        await this.#scope.bell.wait()
      }
      yield range
    }
  }

  #mayAdmit(): boolean {
    const { concurrency } = this.#scope.limits
    const isBehind = this.#ahead[0]?.isAhead === true
    if (isBehind && this.#ahead.length >= concurrency / 2) return false
    return this.#held.length < (this.#isUnderWay ? this.#mostHeld : concurrency)
  }

  #begin(range: Range): Job<Chunk> {
    const { source } = this.#scope
    const { memory, giveBack } = this.#slots.take(range.end - range.start)
    const chunk = new Chunk(range, memory, this.#scope)
    this.#held.push({ end: range.end, giveBack })
    this.#ahead.push(chunk)
    const reply = range.start === 0 ? this.#snapshot.first.reply : undefined
    const done = fetchRange(source, chunk, range.end, reply).then(() => chunk.finish())
    return { value: chunk, done }
  }
}
