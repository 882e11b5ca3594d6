import { ActionError } from '../errors.ts'
import { isOutOfDescriptors, statusError } from '../http/failure.ts'
import type { ReplyHead } from '../http/reply-head.ts'
import { errorCode, TransientError } from '../http/retry.ts'

/** A request that was turned away: fewer at a time may all get through. */
export class TurnedAway extends TransientError {}

const STATUSES = new Set([429, 503])
const CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE'])

/** The error for a reply without the bytes that were asked for. */
export function refusalOf(reply: ReplyHead): ActionError {
  const error = statusError(reply, Date.now())
  if (!STATUSES.has(reply.status) || !(error instanceof TransientError)) return error
  return new TurnedAway(error.code, error.message, error)
}

/** The error of a request, told apart where it may have been turned away. */
export function networkRefusal(error: unknown): unknown {
  if (!(error instanceof ActionError)) return error
  return mayBeTurnedAway(error) ? new TurnedAway(error.code, error.message, error) : error
}

function mayBeTurnedAway(error: ActionError): boolean {
  const code = errorCode(error.cause) ?? ''
  if (isOutOfDescriptors(code)) return true
  const isClosedAtOnce = receivedBefore(error) === 0
  return error instanceof TransientError && (isClosedAtOnce || CODES.has(code))
}

/**
 * Whether a request without an answer met a connection that the server had just closed, as it does with those that
 * lay idle: one that had brought something before.
 */
export function isOnClosedConnection(error: unknown): boolean {
  return (receivedBefore(error) ?? 0) > 0
}

/** What the connection that the other side closed had ever brought; undefined for any other error. */
function receivedBefore(error: unknown): number | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  if (!(cause instanceof Error && 'socket' in cause)) return undefined
  const { socket } = cause
  if (typeof socket !== 'object' || socket === null || !('bytesRead' in socket)) return undefined
  return Number(socket.bytesRead)
}
