import { ActionError } from '../errors.ts'
import { type Attempts, withRetries } from '../http/attempts.ts'
import type { HttpClient } from '../http/client.ts'
import type { Reply } from '../http/exchange.ts'
import { placeOf } from '../http/failure.ts'
import { announcedLength, refuseContentEncoding, strongETag } from '../http/headers.ts'
import { parseContentRange, parseUnsatisfiedRange, type Range, rangeHeader } from '../http/ranges.ts'
import { TransientError } from '../http/retry.ts'
import { type StallLimits, StallWatch } from '../http/stall.ts'
import type { Lanes } from './lanes.ts'
import { isOnClosedConnection, networkRefusal, refusalOf } from './no-room.ts'

/** The object that ranges are parts of, and how it is asked for them. */
export interface Source {
  readonly client: Pick<HttpClient, 'get'>
  readonly url: URL
  /** The pin; without it a broken reply cannot be resumed. */
  readonly etag: string | undefined
  readonly total: number | undefined
  readonly headersTimeoutMs: number
  readonly stall: StallLimits
  readonly attempts: Attempts
  readonly lanes: Lanes
  readonly signal: AbortSignal
}

/** Stops a reply and lets it go on; of no effect once it is over. */
export interface Flow {
  pause(): void
  resume(): void
}

/** Where the bytes of a range go. */
export interface Sink {
  /** The place in the object of the next byte that is wanted. */
  readonly at: number
  /** Copies what it keeps before it returns. */
  take(bytes: Uint8Array, flow: Flow): void
  /** Gives up what came from this place on; false where somebody has it already. */
  takeBack(from: number): boolean
}

/** A refusal that may be one bad replica's, so that asking again is worth this often. */
const OTHER_REPLICA = { atMost: 4 }

/** Idle connections are closed together: a request that meets more of them in a row meets something else. */
const MAX_CLOSED_CONNECTIONS = 3

/**
 * Brings one byte range into a sink, and asks again from where it broke until it is complete. `end` may be Infinity
 * for "all there is". The first reply, where there is one already, is read before anything is asked for.
 */
export async function fetchRange(source: Source, sink: Sink, end: number, firstReply?: Reply): Promise<void> {
  const fetching = new RangeFetch(source, sink, end)
  let reply = firstReply
  const request = async (): Promise<void> => {
    try {
      const current = reply ?? (await fetching.ask())
      reply = undefined
      if (current !== undefined) await fetching.receive(current)
    } catch (error) {
      throw networkRefusal(error, source.url)
    }
  }
  if (source.etag === undefined) return request().catch(unresumable)
  const { lanes, attempts } = source
  await withRetries(() => lanes.run(() => sink.at, request, attempts), attempts)
}

/** Without a pin nothing tells whether the rest would be of the same revision. */
function unresumable(cause: unknown): never {
  if (!(cause instanceof TransientError)) throw cause
  throw new ActionError(cause.code, `${cause.message}; without a strong ETag it cannot be resumed`, { cause })
}

class RangeFetch {
  readonly #source: Source
  readonly #sink: Sink
  /** Infinity until it is known. */
  #end: number

  constructor(source: Source, sink: Sink, end: number) {
    this.#source = source
    this.#sink = sink
    this.#end = end
  }

  /** Asks for what is missing; undefined where a reply broke after its last byte. */
  async ask(): Promise<Reply | undefined> {
    if (this.#sink.at === this.#end) return undefined
    const range = { start: this.#sink.at, end: this.#end }
    const reply = await this.#get(range)
    try {
      if (!this.#isAtEnd(reply, range)) {
        this.#validate(reply, range)
        return reply
      }
      reply.drop()
      return undefined
    } catch (error) {
      reply.drop()
      throw error
    }
  }

  async #get(range: Range): Promise<Reply> {
    const { client, url, etag, headersTimeoutMs, signal } = this.#source
    const headers = { range: rangeHeader(range), 'if-match': etag ?? '*' }
    for (let closed = 0; ; closed += 1) {
      try {
        return await client.get(url, { headers, headersTimeoutMs, signal })
      } catch (error) {
        if (closed === MAX_CLOSED_CONNECTIONS || !isOnClosedConnection(error)) throw error
      }
    }
  }

  async receive(reply: Reply): Promise<void> {
    const { stall, url, signal } = this.#source
    const sink = this.#sink
    const from = sink.at
    const watch = new StallWatch(stall, (why) =>
      reply.drop(new TransientError('STALLED', `${placeOf(url)} stalled at byte ${sink.at}: ${why}`)),
    )
    let isOver = false
    const flow = {
      pause: () => {
        watch.pause()
        reply.pause()
      },
      resume: () => {
        if (isOver) return
        watch.resume()
        reply.resume()
      },
    }
    const cancel = (): void => reply.drop(signal.reason)
    signal.addEventListener('abort', cancel)
    try {
      signal.throwIfAborted()
      await reply.read((bytes) => {
        watch.progress(bytes.length)
        if (sink.at + bytes.length > this.#end) reply.drop(this.#excess(from))
        else sink.take(bytes, flow)
      })
    } finally {
      isOver = true
      signal.removeEventListener('abort', cancel)
      watch.pause()
      reply.drop()
    }
    if (this.#end === Number.POSITIVE_INFINITY) this.#end = sink.at
    if (sink.at === this.#end) return
    throw new TransientError('TRUNCATED', `${placeOf(url)} ended at byte ${sink.at} of ${this.#end}`)
  }

  /** Where the size was not known, a range that begins where the object ends tells that nothing is missing. */
  #isAtEnd(reply: Reply, { start, end }: Range): boolean {
    if (reply.status !== 416 || end !== Number.POSITIVE_INFINITY) return false
    const size = parseUnsatisfiedRange(reply.header('content-range') ?? '')
    return size === start && [undefined, this.#source.etag].includes(strongETag(reply))
  }

  /** Only the bytes that were asked for, of the pinned revision, are let in. */
  #validate(reply: Reply, asked: Range): void {
    const { etag, total, url } = this.#source
    const where = `${placeOf(url)} (${rangeHeader(asked)})`
    const changed = (what: string): ActionError =>
      new ActionError('SNAPSHOT_CHANGED', `${where}: the snapshot was replaced during the download (${what})`)
    const odd = (what: string): ActionError =>
      new TransientError('PROTOCOL_ERROR', `${where}: ${what}`, OTHER_REPLICA)

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
    if (total !== undefined && range.total !== total)
      throw changed(`${range.total} bytes instead of ${total}`)
    if (this.#end === Number.POSITIVE_INFINITY) this.#end = range.total
    if (range.start !== asked.start || range.end > this.#end)
      throw odd(`Content-Range ${header} is another range`)
    const length = announcedLength(reply)
    if (length === undefined || length === range.end - range.start) return
    throw odd(`Content-Length ${length} contradicts Content-Range ${header}`)
  }

  /** A reply that is too long is none of what was asked for: what it brought is taken back while nobody has it. */
  #excess(from: number): ActionError {
    const message = `${placeOf(this.#source.url)} sent more than the expected ${this.#end - from} bytes at ${from}`
    if (!this.#sink.takeBack(from)) return new ActionError('PROTOCOL_ERROR', message)
    return new TransientError('PROTOCOL_ERROR', message, OTHER_REPLICA)
  }
}
