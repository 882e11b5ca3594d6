import { ActionError } from '../errors.ts'
import { type Attempts, withRetries } from '../http/attempts.ts'
import type { HttpClient } from '../http/client.ts'
import type { Reply } from '../http/exchange.ts'
import { placeOf } from '../http/failure.ts'
import { type Flow, readFlow } from '../http/flow.ts'
import { type Range, rangeHeader } from '../http/ranges.ts'
import { TransientError } from '../http/retry.ts'
import type { StallLimits } from '../http/stall.ts'
import type { Lanes } from './lanes.ts'
import { admitted, isAtEnd, oddReply, type Pinned } from './range-reply.ts'
import { isOnClosedConnection, networkRefusal } from './turned-away.ts'

/** The object that ranges are parts of, and how it is asked for them. */
export interface Source extends Pinned {
  readonly client: Pick<HttpClient, 'get'>
  readonly headersTimeoutMs: number
  readonly stall: StallLimits
  readonly attempts: Attempts
  readonly lanes: Lanes
  readonly signal: AbortSignal
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

/** Idle connections are closed together: a request that meets more of them in a row meets something else. */
const MAX_CLOSED_CONNECTIONS = 3

/** A reply with a smaller part of what is missing counts as one that broke: of those there may be no end. */
const MIN_PART_BYTES = 4 * 1024

/**
 * Brings one byte range into a sink, and asks again from where it broke until it is complete. `end` may be Infinity
 * for "all there is". The first reply, where there is one already, is read before anything is asked for.
 */
export async function fetchRange(source: Source, sink: Sink, end: number, firstReply?: Reply): Promise<void> {
  const fetching = new RangeFetch(source, sink, end)
  let reply = firstReply
  const request = async (): Promise<void> => {
    try {
      for (let current = reply ?? (await fetching.ask()); current; current = await fetching.ask()) {
        reply = undefined
        await fetching.receive(current)
      }
    } catch (error) {
      throw networkRefusal(error)
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
  /** Where the reply ends that is received. */
  #partEnd: number

  constructor(source: Source, sink: Sink, end: number) {
    this.#source = source
    this.#sink = sink
    this.#end = this.#partEnd = end
  }

  /** Asks for what is missing; undefined where that is nothing. */
  async ask(): Promise<Reply | undefined> {
    if (this.#sink.at === this.#end) return undefined
    const range = { start: this.#sink.at, end: this.#end }
    const reply = await this.#get(range)
    try {
      if (isAtEnd(reply, range, this.#source)) {
        reply.drop()
        return undefined
      }
      const { end, partEnd } = admitted(reply, range, this.#source)
      this.#end = end
      this.#partEnd = partEnd
      return reply
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

  /** Resolves when all has come, or a part that is worth going on after. */
  async receive(reply: Reply): Promise<void> {
    const { stall, url, signal } = this.#source
    const sink = this.#sink
    const from = sink.at
    const stalled = (why: string): ActionError =>
      new TransientError('STALLED', `${placeOf(url)} stalled at byte ${sink.at}: ${why}`)
    const cancel = (): void => reply.drop(signal.reason)
    signal.addEventListener('abort', cancel)
    try {
      signal.throwIfAborted()
      await readFlow(reply, { stall, stalled }, (bytes, flow) => {
        if (sink.at + bytes.length > this.#end) reply.drop(this.#excess(from))
        else sink.take(bytes, flow)
      })
    } finally {
      signal.removeEventListener('abort', cancel)
      reply.drop()
    }
    if (this.#end === Number.POSITIVE_INFINITY) this.#end = sink.at
    if (sink.at === this.#end) return
    if (sink.at === this.#partEnd && sink.at - from >= MIN_PART_BYTES) return
    throw new TransientError('TRUNCATED', `${placeOf(url)} ended at byte ${sink.at} of ${this.#end}`)
  }

  /** A reply that is too long is none of what was asked for: what it brought is taken back while nobody has it. */
  #excess(from: number): ActionError {
    const message = `${placeOf(this.#source.url)} sent more than the expected ${this.#end - from} bytes at ${from}`
    if (!this.#sink.takeBack(from)) return new ActionError('PROTOCOL_ERROR', message)
    return oddReply(message)
  }
}
