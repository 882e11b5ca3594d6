import { ActionError } from '../errors.ts'
import type { Mirror } from '../source/mirror.ts'

/** Of the others, once one has a snapshot: a server that clones the repository says nothing until it has it. */
const LATE_AFTER_MINUTES = 5

export interface LatenessOptions {
  /** Resolves after the delay; rejects with the reason once aborted. */
  readonly wait: (delayMs: number, signal: AbortSignal) => Promise<void>
  readonly signal: AbortSignal
}

/** Ends the questions to servers that are late when another has answered. End it, or its timer stays. */
export class Lateness {
  readonly #options: LatenessOptions
  readonly #over = new AbortController()
  readonly #asked = new Map<Mirror, AbortController>()
  #waiting: Promise<void> | undefined

  constructor(options: LatenessOptions) {
    this.#options = options
  }

  /** Aborted by the step's cancellation, or when this mirror is late. */
  signalFor(mirror: Mirror): AbortSignal {
    const late = new AbortController()
    this.#asked.set(mirror, late)
    return AbortSignal.any([this.#options.signal, late.signal])
  }

  /** To be told when one has a snapshot, which is not late then. */
  has(mirror: Mirror): void {
    this.#asked.delete(mirror)
    this.#waiting ??= this.#giveUpLate()
  }

  async end(): Promise<void> {
    this.#over.abort()
    await this.#waiting
  }

  async #giveUpLate(): Promise<void> {
    const { wait, signal } = this.#options
    const delayMs = LATE_AFTER_MINUTES * 60_000
    await wait(delayMs, AbortSignal.any([signal, this.#over.signal])).catch(() => {})
    for (const [{ origin }, late] of this.#asked) {
      const words = `${origin} is given up: it was not done ${LATE_AFTER_MINUTES} minutes after another server`
      late.abort(new ActionError('TIMEOUT', words))
    }
  }
}
