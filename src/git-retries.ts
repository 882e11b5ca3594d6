import { describeError } from './errors.ts'
import type { GitRetries } from './git/origin.ts'
import { wait } from './source/patience.ts'

/** How git's own network parts are repeated, with a word for each time. */
export function gitRetries(context: {
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}): GitRetries {
  const { signal, log } = context
  return {
    random: Math.random,
    wait: (delayMs) => wait(delayMs, signal),
    onRetry: (error, delayMs) =>
      log(`${describeError(error)}; trying again in ${(delayMs / 1000).toFixed(0)} s`),
  }
}
