import type { Range } from '../http/ranges.ts'
import { Landing, type Wake } from './landing.ts'

/** A chunk: one byte range, in memory that has room for all of it. */
export class Chunk extends Landing {
  readonly #start: number
  readonly #memory: Uint8Array

  constructor({ start }: Range, memory: Uint8Array, wake: Wake) {
    super(start, wake)
    this.#start = start
    this.#memory = memory
  }

  override take(bytes: Uint8Array): void {
    this.#memory.set(bytes, this.received - this.#start)
    this.landed(bytes.length)
  }

  protected override views(from: number, to: number): Iterable<Uint8Array> {
    return [this.#memory.subarray(from - this.#start, to - this.#start)]
  }
}
