import { type LargeMemory, largeMemory } from './large-memory.ts'

/**
 * A ring of bytes, addressed by their place in the stream. Bounded by `capacity`. Bytes stay where they are until
 * released, so that views of them can be read without a copy. With the last of `total` bytes its memory is given back.
 */
export class Ring {
  readonly capacity: number
  readonly #memory: LargeMemory
  readonly #total: number
  #released = 0

  constructor(capacity: number, total = Number.POSITIVE_INFINITY) {
    this.capacity = capacity
    this.#total = total
    this.#memory = largeMemory(capacity)
  }

  /** The place up to which bytes can be written now. */
  get limit(): number {
    return this.#released + this.capacity
  }

  /** Writes bytes at their place in the stream; the caller has made sure that they end within `limit`. */
  write(at: number, bytes: Uint8Array): void {
    if (at < this.#released || at + bytes.length > this.limit) {
      throw new RangeError(`write of ${at}-${at + bytes.length} outside ${this.#released}-${this.limit}`)
    }
    const place = at % this.capacity
    const fitting = Math.min(bytes.length, this.capacity - place)
    this.#memory.bytes.set(bytes.subarray(0, fitting), place)
    this.#memory.bytes.set(bytes.subarray(fitting), 0)
  }

  /** The memory of the bytes from `start` to `end`: one view, or two where they go round. */
  *views(start: number, end: number): Generator<Uint8Array> {
    for (let at = start; at < end; ) {
      const place = at % this.capacity
      const length = Math.min(end - at, this.capacity - place)
      yield this.#memory.bytes.subarray(place, place + length)
      at += length
    }
  }

  /** Gives up all bytes before `upTo`; views of them are no longer valid. */
  release(upTo: number): void {
    if (upTo > this.#released) this.#released = upTo
    if (upTo >= this.#total) this.#memory.giveBack()
  }
}
