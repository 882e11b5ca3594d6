import { error as annotate, debug, setFailed } from '@actions/core'
import { ActionError, describeError } from './errors.ts'
import { sanitize } from './sanitize.ts'

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

/** The runner waits 7.5 s after its first signal before it sends another. */
const CANCELLED_WITHIN_MS = 4_000

/**
 * Aborted when the runner cancels the job. At the second signal the process ends at once, and soon after the first:
 * a large tree takes long to remove, and is then left to the post step.
 */
export function cancellation(): AbortSignal {
  const cancelled = new AbortController()
  for (const [name, exitCode] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (cancelled.signal.aborted) process.exit(exitCode)
      process.exitCode = exitCode
      setTimeout(() => {
        setFailed(`cancelled by ${name}; what it had begun is removed after the job`)
        process.exit(exitCode)
      }, CANCELLED_WITHIN_MS).unref()
      cancelled.abort(new ActionError('CANCELLED', `cancelled by ${name}`))
    })
  }
  return cancelled.signal
}

/** Runs what a step does; what it fails with is one annotation, and the exit code. */
export async function runStep(step: () => Promise<void>): Promise<void> {
  // Whoever reads the log may go away: no reason to leave a restore half done.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  try {
    await step()
  } catch (error) {
    const exitCode = process.exitCode
    // The table of errors in README.md is by code.
    annotate(sanitize(describeError(error), 2000), error instanceof ActionError ? { title: error.code } : {})
    process.exitCode = exitCode ?? 1
    if (error instanceof Error) debug(sanitize(error.stack ?? '', 10_000))
  }
}
