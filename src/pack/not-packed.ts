import { ActionError } from '../errors.ts'

/** The error for a path (latin1, relative to what is packed, '' for that itself) that cannot be in the snapshot. */
export function notPacked(path: string, reason: string, cause?: unknown): ActionError {
  const shown = JSON.stringify(
    Buffer.from(path === '' ? '.' : path, 'latin1')
      .toString()
      .slice(0, 300),
  )
  return new ActionError('WRITE_FAILED', `the snapshot cannot be made: ${shown}: ${reason}`, { cause })
}
