import { inOrder } from '../in-order.ts'
import { Ring } from '../ring.ts'
import type { StreamedSnapshot } from '../snapshot/open.ts'
import { fetchRange } from './fetch-range.ts'
import { Inflow } from './inflow.ts'
import type { Fetch, Scope } from './scope.ts'

/** One connection needs no more, however large the window for many is. */
const MAX_RING_BYTES = 32 * 1024 * 1024

/** An object that comes as one body, which pauses while a ring of at most 32 MiB is full. */
export class SingleFetch implements Fetch {
  readonly holdBytes: number
  readonly #snapshot: StreamedSnapshot
  readonly #scope: Scope
  readonly #ring: Ring
  readonly #inflow: Inflow

  constructor(snapshot: StreamedSnapshot, scope: Scope) {
    const { concurrency, chunkBytes } = scope.limits
    const total = snapshot.total ?? Number.POSITIVE_INFINITY
    const capacity = Math.min(2 * concurrency * chunkBytes, MAX_RING_BYTES, Math.max(1, total))
    this.#snapshot = snapshot
    this.#scope = scope
    this.#ring = new Ring(capacity, total)
    this.#inflow = new Inflow(this.#ring, scope)
    this.holdBytes = capacity / 2
  }

  async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    const limits = { active: 1, window: 1, cancel: this.#scope.cancel }
    const begin = (snapshot: StreamedSnapshot) => ({ value: this.#inflow, done: this.#receive(snapshot) })
    for await (const inflow of inOrder([this.#snapshot], begin, limits)) yield* inflow.bytes()
  }

  release(upTo: number): void {
    this.#ring.release(upTo)
    this.#inflow.drain()
  }

  async #receive({ total, reply }: StreamedSnapshot): Promise<void> {
    const { source, bell, signal } = this.#scope
    await fetchRange(source, this.#inflow, total ?? Number.POSITIVE_INFINITY, reply)
    while (!this.#inflow.drained) {
      signal.throwIfAborted()
      await bell.wait()
    }
    this.#inflow.finish()
  }
}
