import { ActionError, describeError, type ErrorCode } from '../errors.ts'
import { sanitize } from '../sanitize.ts'

/** What went wrong, fit for the log and for files. */
export interface Trouble {
  readonly code: ErrorCode | 'UNKNOWN'
  readonly words: string
}

/** A number of requests that met the same, and what the first of them met. */
export interface Repeats extends Trouble {
  readonly count: number
}

/** What one step met on its way, and went on from. */
export class Troubles {
  /** Why no snapshot was restored, where something else was done instead. */
  missed: Trouble | undefined
  /** Why the restore of the snapshot began again. */
  readonly restarts: Trouble[] = []
}

export function troubleOf(error: unknown): Trouble {
  const code = error instanceof ActionError ? error.code : 'UNKNOWN'
  return { code, words: sanitize(describeError(error)) }
}
