import { Bell } from '../bell.ts'

/** About so much is written in one call: enough to be worth it, and little for the stream to wait for. */
const BATCH_BYTES = 4 * 1024 * 1024

/**
 * The pieces of a stream that are not in the file yet, in order. It keeps no copy: they are the stream's, which must
 * not release them before `doneUpTo` has passed them. So no more wait than the stream has memory for.
 */
export class Backlog {
  readonly #bell = new Bell()
  readonly #pieces: Uint8Array[] = []
  #state: 'open' | 'whole' | 'dropped' = 'open'
  #written = 0
  /** Told when `doneUpTo` has grown. */
  onDone: () => void = () => {}

  /** The place in the stream before which nothing is needed here. */
  get doneUpTo(): number {
    return this.#state === 'dropped' ? Number.POSITIVE_INFINITY : this.#written
  }

  /** Whether the stream has come to its end, and nobody has dropped it. */
  get isWhole(): boolean {
    return this.#state === 'whole'
  }

  push(piece: Uint8Array): void {
    if (this.#state !== 'open' || piece.length === 0) return
    this.#pieces.push(piece)
    this.#bell.ring()
  }

  /** Says that no more pieces come. */
  end(): void {
    if (this.#state === 'open') this.#state = 'whole'
    this.#bell.ring()
  }

  /** Says that the file is not wanted, or cannot be had. */
  drop(): void {
    this.#state = 'dropped'
    this.#pieces.length = 0
    this.#bell.ring()
    this.onDone()
  }

  /** The oldest pieces, as soon as there are any; none at the end. */
  async next(): Promise<readonly Uint8Array[]> {
    while (this.#pieces.length === 0 && this.#state === 'open') await this.#bell.wait()
    let [count, bytes] = [0, 0]
    while (count < this.#pieces.length && bytes < BATCH_BYTES) bytes += this.#pieces[count++]?.length ?? 0
    return this.#pieces.slice(0, count)
  }

  /** Says that these, the oldest, are in the file. */
  done(pieces: readonly Uint8Array[]): void {
    this.#pieces.splice(0, pieces.length)
    for (const { length } of pieces) this.#written += length
    this.onDone()
  }
}
