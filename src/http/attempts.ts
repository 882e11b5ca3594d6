import { ActionError, describeError } from '../errors.ts'
import { type RetryLimits, retryDelayMs } from './retry.ts'

export interface Attempts extends RetryLimits {
  /** Resolves after the delay; rejects with the reason when the whole is cancelled. */
  readonly wait: (delayMs: number) => Promise<void>
  readonly onRetry: (error: unknown, delayMs: number) => void
}

/** Runs `attempt` until it succeeds or a failure is to stand, which then tells how often it was tried. */
export async function withRetries<T>(attempt: () => Promise<T>, options: Attempts): Promise<T> {
  for (let retried = 0; ; retried += 1) {
    try {
      return await attempt()
    } catch (error) {
      const delayMs = retryDelayMs(error, retried, options)
      if (delayMs === undefined) throw givenUp(error, retried)
      options.onRetry(error, delayMs)
      await options.wait(delayMs)
    }
  }
}

function givenUp(error: unknown, retried: number): unknown {
  if (retried === 0 || !(error instanceof ActionError)) return error
  return new ActionError(error.code, `gave up after ${retried + 1} attempts: ${describeError(error)}`, {
    cause: error,
  })
}
