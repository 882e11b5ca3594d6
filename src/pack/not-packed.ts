import { ActionError } from '../errors.ts'
import { shownPath } from '../shown-path.ts'

/** The error for a path (latin1, relative to what is packed, '' for that itself) that cannot be in the snapshot. */
export function notPacked(path: string, reason: string, cause?: unknown): ActionError {
  const message = `the snapshot cannot be made: ${shownPath(path === '' ? '.' : path)}: ${reason}`
  return new ActionError('WRITE_FAILED', message, { cause })
}
