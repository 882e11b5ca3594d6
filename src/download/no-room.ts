import { ActionError } from '../errors.ts'
import type { Reply } from '../http/exchange.ts'
import { placeOf, statusError } from '../http/failure.ts'
import { errorCode, TransientError } from '../http/retry.ts'

/** A request that was turned away: fewer at a time may all get through. */
export class NoRoom extends TransientError {}

const NO_ROOM_STATUSES = new Set([429, 503])
const NO_ROOM_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE'])
/** The process, and the whole machine, has as many open as it may. */
const NO_DESCRIPTOR_CODES = new Set(['EMFILE', 'ENFILE'])

/** The error for a reply without the bytes that were asked for. */
export function refusalOf(reply: Reply): ActionError {
  const error = statusError(reply, Date.now())
  if (!NO_ROOM_STATUSES.has(reply.status) || !(error instanceof TransientError)) return error
  return new NoRoom(error.code, error.message, error)
}

/** The error of a request for `url`, told apart where a lack of room may be why it broke. */
export function networkRefusal(error: unknown, url: URL): unknown {
  if (!(error instanceof ActionError)) return error
  const code = errorCode(error.cause) ?? ''
  if (NO_DESCRIPTOR_CODES.has(code)) {
    const hint = 'raise the limit of open files (ulimit -n), or lower the input concurrency'
    const message = `no file descriptor is left for a connection to ${placeOf(url)}: ${hint}`
    return new NoRoom('CONNECTION_FAILED', message, { cause: error.cause })
  }
  if (!(error instanceof TransientError)) return error
  const isClosedAtOnce = receivedBefore(error) === 0
  return isClosedAtOnce || NO_ROOM_CODES.has(code) ? new NoRoom(error.code, error.message, error) : error
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
