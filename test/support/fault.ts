import { setTimeout as delay } from 'node:timers/promises'
import {
  type Answer,
  answerFor,
  bytesObject,
  type Headers,
  resolveRange,
  type StoredObject,
  textAnswer,
} from './stored-object.ts'

/**
 * What goes wrong with one request. The fields combine; those that change the answer come before those
 * that change how it is sent. Byte counts are of the body of this answer.
 */
export type Fault = {
  /** Waited for before anything is answered. */
  readonly hold?: Promise<unknown>
  /** The connection ends before any byte of an answer. */
  readonly drop?: 'reset' | 'fin'
  /** These bytes on the socket instead of an HTTP answer, then FIN. */
  readonly raw?: string | Buffer

  /** An answer with this status and `body` (default empty) instead of the normal one. */
  readonly status?: number
  /** Alone, a page with status 200. */
  readonly body?: string | Buffer
  /** A `location` header, with `status` (default 302). */
  readonly redirect?: string
  /** Set on top of the answer's; null takes one away. An array is sent as several headers. */
  readonly headers?: Headers

  /** Another object's bytes under the same ETag. */
  readonly object?: Buffer
  /** 200 and everything, whatever range was asked for. */
  readonly ignoreRange?: true
  readonly etag?: string | null
  readonly contentRange?: string | readonly string[] | null
  /** The number after the slash of Content-Range. */
  readonly total?: number | string
  /** Right Content-Range, but so many bytes too many, or the whole object. Content-Length fits the body. */
  readonly overlong?: number | 'whole'
  /** Right Content-Range, but only so many bytes. Content-Length fits the body. */
  readonly shortBody?: number
  /** No Content-Length. */
  readonly chunked?: true
  /** The offset of a body byte whose lowest bit is flipped. */
  readonly flipAt?: number

  /** After so many body bytes (0: after the headers), wait before going on. */
  readonly pause?: { readonly after: number; readonly until: Promise<unknown> }
  /** So many bytes (default 1) at a time, so far apart; of `raw` too. */
  readonly drip?: { readonly everyMs: number; readonly bytes?: number }
  /** RST after so many body bytes. */
  readonly resetAfter?: number
  /** FIN after so many body bytes. */
  readonly finAfter?: number
  /** Nothing more after so many body bytes, until the client or `close()` ends the connection. */
  readonly stallAfter?: number
}

/** Where and how an answer's body breaks off. */
export type Cut = { readonly after: number; readonly how: 'reset' | 'fin' | 'stall' }

export function cutOf(fault: Fault): Cut | undefined {
  if (fault.resetAfter !== undefined) return { after: fault.resetAfter, how: 'reset' }
  if (fault.finAfter !== undefined) return { after: fault.finAfter, how: 'fin' }
  if (fault.stallAfter !== undefined) return { after: fault.stallAfter, how: 'stall' }
  return undefined
}

/** The answer for an object, with the faults in it that concern the object and its ranges. */
export function faultyAnswer(
  stored: StoredObject,
  request: Readonly<Record<string, string>>,
  fault: Fault,
): Answer {
  const object =
    fault.object === undefined ? stored : { ...stored, ...bytesObject(fault.object, stored.etag) }
  const { range, ...unranged } = request
  const answer = answerFor(object, fault.ignoreRange ? unranged : request)
  if (answer.body === undefined) return answer
  const asked = resolveRange(fault.ignoreRange ? undefined : range, object.size)
  const { start, end } = asked.kind === 'partial' ? asked : { start: 0, end: object.size }
  const resized = (size: number, body: Answer['body']): Answer => ({
    ...answer,
    headers: { ...answer.headers, 'content-length': String(size) },
    body,
  })
  if (fault.shortBody !== undefined)
    return resized(fault.shortBody, object.read(start, start + fault.shortBody))
  if (fault.overlong === 'whole') return resized(object.size, object.read(0, object.size))
  if (fault.overlong === undefined) return answer
  return resized(end - start + fault.overlong, extended(object.read(start, end), fault.overlong))
}

/** The answer with its status, headers and single body bytes changed as the fault says. */
export function changedAnswer(answer: Answer, fault: Fault): Answer {
  const replaced = replacement(fault) ?? answer
  const headers: Record<string, string | readonly string[] | null> = { ...replaced.headers }
  if (fault.etag !== undefined) headers.etag = fault.etag
  if (fault.contentRange !== undefined) headers['content-range'] = fault.contentRange
  const contentRange = headers['content-range']
  if (fault.total !== undefined && typeof contentRange === 'string') {
    headers['content-range'] = contentRange.replace(/[^/]*$/, String(fault.total))
  }
  if (fault.chunked) delete headers['content-length']
  return { status: replaced.status, headers: { ...headers, ...fault.headers }, body: replaced.body }
}

/** The body in the pieces and at the times that the fault wants, ending where it is cut. */
export async function* shapedBody(body: NonNullable<Answer['body']>, fault: Fault): AsyncGenerator<Buffer> {
  const end = cutOf(fault)?.after ?? Number.POSITIVE_INFINITY
  const { pause, drip, flipAt } = fault
  let at = 0
  if (pause?.after === 0) await pause.until
  if (end === 0) return
  for await (const piece of body) {
    for (let rest = piece; rest.length > 0; ) {
      const stop = Math.min(end, pause !== undefined && pause.after > at ? pause.after : end)
      const size = Math.min(rest.length, stop - at, drip === undefined ? rest.length : (drip.bytes ?? 1))
      if (drip !== undefined) await delay(drip.everyMs)
      yield flipped(rest.subarray(0, size), flipAt === undefined ? -1 : flipAt - at)
      rest = rest.subarray(size)
      at += size
      if (at === pause?.after) await pause.until
      if (at === end) return
    }
  }
}

function replacement(fault: Fault): Answer | undefined {
  const { redirect, body, status } = fault
  if (redirect === undefined && body === undefined && status === undefined) return undefined
  const location = redirect === undefined ? {} : { location: redirect }
  return textAnswer(status ?? (redirect === undefined ? 200 : 302), body ?? '', location)
}

async function* extended(body: NonNullable<Answer['body']>, extraBytes: number): AsyncGenerator<Buffer> {
  yield* body
  yield Buffer.alloc(extraBytes, 'x')
}

function flipped(piece: Buffer, offset: number): Buffer {
  const byte = piece[offset]
  if (byte === undefined) return piece
  const copy = Buffer.from(piece)
  copy[offset] = byte ^ 1
  return copy
}
