import type { Attempts } from '../http/attempts.ts'
import { retryDelayMs } from '../http/retry.ts'
import type { Wake } from './landing.ts'
import { TurnedAway } from './turned-away.ts'

/**
 * How many requests are on their way at a time: at least 1, at most `most`. A request that is turned away halves the
 * number; others that were sent before that do not halve it again. After as many complete answers as there are lanes,
 * there is one lane more. So a server that takes fewer at a time gets fewer, and a recovered one soon gets all again.
 */
export class Lanes {
  readonly #most: number
  readonly #wake: Wake
  #open: number
  #taken = 0
  #timesHalved = 0
  /** Complete answers since the number last changed. */
  #completed = 0
  readonly #waiting: { readonly place: number }[] = []

  constructor(most: number, wake: Wake) {
    this.#most = this.#open = most
    this.#wake = wake
  }

  /**
   * Runs a request when there is a lane for it, that for the lowest place first, since the consumer waits for it.
   * Turned away for being one too many, it is repeated, which does not count as an attempt of its own: without complete
   * answers in between at most `log2(most)` times. Rejects with any other failure.
   */
  async run(position: () => number, request: () => Promise<void>, attempts: Attempts): Promise<void> {
    for (let repeated = 0; ; repeated += 1) {
      const turnedAway = await this.#send(position(), request)
      if (turnedAway === undefined) return
      const limits = { ...attempts, attempts: Number.POSITIVE_INFINITY, budget: { left: 1 } }
      const delayMs = retryDelayMs(turnedAway, repeated, limits)
      if (delayMs === undefined) throw turnedAway
      attempts.onRetry(turnedAway, delayMs)
      await attempts.wait(delayMs)
    }
  }

  /** Resolves with the refusal where the request was one too many. */
  async #send(place: number, request: () => Promise<void>): Promise<TurnedAway | undefined> {
    await this.#enter(place)
    const timesHalved = this.#timesHalved
    try {
      await request()
      if (timesHalved === this.#timesHalved) this.#grow()
      return undefined
    } catch (error) {
      if (error instanceof TurnedAway && this.#wasOneTooMany(timesHalved)) return error
      throw error
    } finally {
      this.#taken -= 1
      this.#wake.bell.ring()
    }
  }

  async #enter(place: number): Promise<void> {
    const { bell, signal } = this.#wake
    const turn = { place }
    this.#waiting.push(turn)
    try {
      while (this.#taken >= this.#open || this.#waiting.some((other) => other.place < place)) {
        signal.throwIfAborted()
        await bell.wait()
      }
      this.#taken += 1
    } finally {
      this.#waiting.splice(this.#waiting.indexOf(turn), 1)
      bell.ring()
    }
  }

  /** Whether others were on their way too; halves the number of lanes, unless that was done since it was sent. */
  #wasOneTooMany(timesHalved: number): boolean {
    if (timesHalved < this.#timesHalved) return true
    if (this.#open === 1 || this.#taken === 1) return false
    this.#open = Math.floor(this.#open / 2)
    this.#timesHalved += 1
    this.#completed = 0
    return true
  }

  #grow(): void {
    this.#completed += 1
    if (this.#completed < this.#open || this.#open === this.#most) return
    this.#open += 1
    this.#completed = 0
  }
}
