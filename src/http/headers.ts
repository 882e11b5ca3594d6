import { ActionError } from '../errors.ts'
import { sanitize } from '../sanitize.ts'
import { placeOf } from './failure.ts'
import type { ReplyHead } from './reply-head.ts'

/**
 * The ETag, byte for byte, where it can be a pin: a weak one (RFC 9110, 8.8.1) says "much the same", and an empty
 * one says nothing. One without quotes, as some stores send it, is taken as it is.
 */
export function strongETag(reply: ReplyHead): string | undefined {
  const etag = reply.header('etag')
  if (etag === undefined || etag === '' || etag === '""' || /^W\//i.test(etag)) return undefined
  if (etag.length <= 1024 && /^[\x20-\x7e\x80-\xff]+$/.test(etag)) return etag
  throw new ActionError('PROTOCOL_ERROR', `${placeOf(reply.url)} sent an ETag that is no ETag`)
}

/** Content-Length in bytes; undefined where the server did not announce one. */
export function announcedLength(reply: ReplyHead): number | undefined {
  const length = reply.header('content-length')
  if (length === undefined) return undefined
  if (/^\d{1,15}$/.test(length)) return Number(length)
  throw new ActionError('PROTOCOL_ERROR', `${placeOf(reply.url)} sent a Content-Length that is no number`)
}

/** Last-Modified in milliseconds since 1970; undefined where the server does not tell. */
export function lastModified(reply: ReplyHead): number | undefined {
  const time = Date.parse(reply.header('last-modified') ?? '')
  return Number.isNaN(time) ? undefined : time
}

/**
 * We ask for the bytes as they are: a server that encodes them sends another object than it announces. What is
 * stored as zstd, and whose length is known, is not encoded for us, even where the store says `zstd`.
 */
export function refuseContentEncoding(reply: ReplyHead): void {
  const encoding = reply.header('content-encoding')?.toLowerCase() ?? ''
  if (encoding === '' || encoding === 'identity') return
  const isStored = reply.url.pathname.endsWith('.zst') && announcedLength(reply) !== undefined
  if (encoding === 'zstd' && isStored) return
  throw new ActionError(
    'PROTOCOL_ERROR',
    `${placeOf(reply.url)} sent Content-Encoding ${sanitize(encoding, 40)}, though the bytes as they are were asked for`,
  )
}
