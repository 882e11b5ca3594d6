import { ActionError } from '../errors.ts'
import { placeOf } from '../http/failure.ts'
import { announcedLength, refuseContentEncoding, strongETag } from '../http/headers.ts'
import { parseContentRange, parseUnsatisfiedRange, type Range, rangeHeader } from '../http/ranges.ts'
import type { ReplyHead } from '../http/reply-head.ts'
import { TransientError } from '../http/retry.ts'
import { refusalOf } from './turned-away.ts'

/** What is known of the object that ranges are parts of. */
export interface Pinned {
  readonly url: URL
  /** The pin; without it a broken reply cannot be resumed. */
  readonly etag: string | undefined
  readonly total: number | undefined
}

/** Where the size was not known, a range that begins where the object ends tells that nothing is missing. */
export function isAtEnd(reply: ReplyHead, { start, end }: Range, { etag }: Pinned): boolean {
  if (reply.status !== 416 || end !== Number.POSITIVE_INFINITY) return false
  const size = parseUnsatisfiedRange(reply.header('content-range') ?? '')
  return size === start && [undefined, etag].includes(strongETag(reply))
}

export interface Admitted {
  /** Where the range ends that was asked for. */
  readonly end: number
  /** Where this reply ends: a server may send a part of the range (RFC 9110, 15.3.7). */
  readonly partEnd: number
}

/** Lets in only bytes of the range that was asked for, of the pinned revision: refuses all other replies. */
export function admitted(reply: ReplyHead, asked: Range, { etag, total, url }: Pinned): Admitted {
  const where = `${placeOf(url)} (${rangeHeader(asked)})`
  const changed = (what: string): ActionError =>
    new ActionError('SNAPSHOT_CHANGED', `${where}: the snapshot was replaced during the download (${what})`)
  const odd = (what: string): ActionError => oddReply(`${where}: ${what}`)

  if ([404, 410, 412, 416].includes(reply.status)) throw changed(`status ${reply.status}`)
  if (reply.status === 200) throw odd('the server ignored the range')
  if (reply.status !== 206) throw refusalOf(reply)
  refuseContentEncoding(reply)
  const seen = strongETag(reply)
  if (seen === undefined) throw odd('the reply has no strong ETag')
  if (seen !== etag) throw changed(`ETag ${seen} instead of ${etag}`)
  const header = reply.header('content-range')
  const range = header === undefined ? undefined : parseContentRange(header)
  if (range === undefined) throw odd(`Content-Range ${header ?? 'missing'} is not one valid range`)
  if (total !== undefined && range.total !== total) throw changed(`${range.total} bytes instead of ${total}`)
  const end = asked.end === Number.POSITIVE_INFINITY ? range.total : asked.end
  if (range.start !== asked.start || range.end > end) throw odd(`Content-Range ${header} is another range`)
  const length = announcedLength(reply)
  if (length === undefined || length === range.end - range.start) return { end, partEnd: range.end }
  throw odd(`Content-Length ${length} contradicts Content-Range ${header}`)
}

/** A refusal that may be one bad replica's, so that asking again is worth a few attempts. */
export function oddReply(message: string): TransientError {
  return new TransientError('PROTOCOL_ERROR', message, { atMost: 4 })
}
