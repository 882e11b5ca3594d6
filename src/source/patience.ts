import { setTimeout as sleep } from 'node:timers/promises'
import { ActionError, describeError } from '../errors.ts'
import type { Attempts } from '../http/attempts.ts'
import type { StallLimits } from '../http/stall.ts'
import { type Repeats, troubleOf } from '../report/trouble.ts'

/** How long the network may take; the rest is up to the inputs. */
export const PATIENCE = {
  connectTimeoutMs: 10_000,
  headersTimeoutMs: 30_000,
  /** A cold server makes the snapshot before it answers. */
  discoveryTimeoutMs: 60_000,
  /** Where a plain fetch can follow, a server that is down is asked once more, if it said so within this time. */
  secondTryWithinMs: 2_000,
  /** Of a server that says nothing, before the next one of a list is asked beside it. */
  headStartMs: 2_000,
  floorBytesPerSecond: 1024,
} as const

interface Limits {
  readonly retries: number
  readonly stallMs: number
  /** 0 means none. */
  readonly timeoutMs: number
  readonly onMiss: 'fetch' | 'fail' | 'skip'
}

export interface PatienceOptions {
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

/** How long one restore waits for the network, and how often it asks again. End it, or its timer stays. */
export class Patience {
  /** Aborted by the step's cancellation, or when the snapshot has taken too long. */
  readonly signal: AbortSignal
  readonly stall: StallLimits
  retried = 0
  /** By code. */
  readonly #repeats = new Map<string, Repeats>()
  readonly #limits: Limits
  readonly #log: PatienceOptions['log']
  readonly #deadline: number
  readonly #timer: NodeJS.Timeout | undefined

  constructor(limits: Limits, { signal, log }: PatienceOptions) {
    const { stallMs, timeoutMs } = limits
    const overdue = new AbortController()
    this.#limits = limits
    this.#log = log
    this.#deadline = timeoutMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs
    this.signal = AbortSignal.any([signal, overdue.signal])
    this.stall = { idleMs: stallMs, bytesPerSecond: PATIENCE.floorBytesPerSecond }
    if (timeoutMs === 0) return
    const message = `the snapshot took longer than ${timeoutMs / 60_000} minutes (input timeout)`
    this.#timer = setTimeout(() => overdue.abort(new ActionError('TIMEOUT', message)), timeoutMs)
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  /** Why requests were repeated: one entry a code. */
  get repeats(): readonly Repeats[] {
    return [...this.#repeats.values()]
  }

  /** How requests for a number of chunks are repeated, until `signal` is aborted. */
  readonly attemptsFor = (chunks: number, signal: AbortSignal): Attempts => ({
    attempts: this.#limits.retries,
    budget: { left: Math.max(10, chunks) },
    remainingMs: () => this.#deadline - performance.now(),
    random: Math.random,
    wait: (delayMs) => wait(delayMs, signal),
    onRetry: (error, delayMs) => {
      this.#count(error)
      const seconds = (delayMs / 1000).toFixed(1)
      const when = seconds === '0.0' ? 'at once' : `in ${seconds} s`
      this.#log(`${describeError(error)}; trying again ${when}`)
    },
  })

  #count(error: unknown): void {
    const trouble = troubleOf(error)
    const { count, words } = this.#repeats.get(trouble.code) ?? { ...trouble, count: 0 }
    this.retried += 1
    this.#repeats.set(trouble.code, { code: trouble.code, count: count + 1, words })
  }

  /** The same until the snapshot's first reply: short where there is another way to the commit. */
  readonly discoveryAttempts = (chunks: number, signal: AbortSignal): Attempts => {
    const attempts = this.attemptsFor(chunks, signal)
    if (this.#limits.onMiss === 'fail') return attempts
    const deadline = performance.now() + PATIENCE.secondTryWithinMs
    const remainingMs = () => deadline - performance.now()
    const most = Math.min(1, attempts.attempts)
    return { ...attempts, remainingMs, budget: { left: 1 }, attempts: most }
  }
}

/** Resolves after the delay; rejects with the reason once aborted. */
export async function wait(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal })
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  }
}
