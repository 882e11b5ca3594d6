import type { Bell } from '../bell.ts'
import type { Flow } from '../http/flow.ts'
import type { Sink } from './fetch-range.ts'

/** What wakes a consumer that waits. */
export interface Wake {
  /** Rung when anything has come on, and when all is cancelled. */
  readonly bell: Bell
  readonly signal: AbortSignal
}

/** Bytes that have landed in memory and wait for the consumer, who gets them in order as they come. */
export abstract class Landing implements Sink {
  readonly #wake: Wake
  /** Places in the object: up to where bytes have come, and up to where the consumer has them. */
  protected received: number
  #handedOn: number
  #complete = false

  protected constructor(start: number, wake: Wake) {
    this.#wake = wake
    this.received = this.#handedOn = start
  }

  abstract take(bytes: Uint8Array, flow: Flow): void
  /** Where bytes that have come lie. */
  protected abstract views(from: number, to: number): Iterable<Uint8Array>

  get at(): number {
    return this.received
  }

  /** Whether the consumer has something to take, or has not yet seen that this was all. */
  get isAhead(): boolean {
    return this.#complete || this.received > this.#handedOn
  }

  finish(): void {
    this.#complete = true
    this.#wake.bell.ring()
  }

  takeBack(from: number): boolean {
    if (this.#handedOn > from) return false
    this.received = from
    return true
  }

  /** The bytes in order as they come; rejects when the download is cancelled. */
  async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      while (this.#handedOn === this.received && !this.#complete) {
        this.#wake.signal.throwIfAborted()
        await this.#wake.bell.wait()
      }
      if (this.#handedOn === this.received) return
      const from = this.#handedOn
      this.#handedOn = this.received
      this.#wake.bell.ring()
      yield* this.views(from, this.received)
    }
  }

  protected landed(bytes: number): void {
    this.received += bytes
    this.#wake.bell.ring()
  }
}
