import type { Bell } from '../bell.ts'
import { ActionError } from '../errors.ts'
import { type Attempts, withRetries } from '../http/attempts.ts'
import type { HttpClient, Reply } from '../http/client.ts'
import { placeOf, statusError } from '../http/failure.ts'
import { announcedLength, refuseContentEncoding, strongETag } from '../http/headers.ts'
import { parseContentRange, type Range, rangeHeader } from '../http/ranges.ts'
import { TransientError } from '../http/retry.ts'
import { type StallLimits, StallWatch } from '../http/stall.ts'
import type { Ring } from './ring.ts'

/** The object that chunks are parts of, and how it is asked for them. */
export interface Source {
  readonly client: Pick<HttpClient, 'get'>
  readonly url: URL
  /** The pin; without it a broken reply cannot be resumed. */
  readonly etag: string | undefined
  readonly total: number | undefined
  readonly headersTimeoutMs: number
  readonly stall: StallLimits
  readonly attempts: Attempts
  readonly signal: AbortSignal
  readonly ring: Ring
  /** Rung whenever a chunk has got on. */
  readonly bell: Bell
}

/** A refusal that may be one bad replica's, so that asking again is worth this often. */
const OTHER_REPLICA = { atMost: 4 }

/** One byte range on its way into the ring, asked for again from where it broke until it is complete. */
export class Chunk {
  readonly #source: Source
  /** Infinity until it is known. */
  #end: number
  #received: number
  #handedOn: number
  #complete = false
  #overflow: Uint8Array[] = []
  #blocked: { readonly reply: Reply; readonly watch: StallWatch } | undefined
  readonly done: Promise<void>

  /** `firstReply` is the discovery's, whose body is this chunk. */
  constructor(source: Source, { start, end }: Range, firstReply?: Reply) {
    this.#source = source
    this.#received = this.#handedOn = start
    this.#end = end
    this.done = this.#fetch(firstReply)
  }

  /** Yields the bytes in order as they come; they stay valid until the ring releases them. */
  async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    const { ring, bell, signal } = this.#source
    for (;;) {
      while (this.#handedOn === this.#received && !this.#complete) {
        signal.throwIfAborted()
        await bell.wait()
      }
      if (this.#handedOn === this.#received) return
      const from = this.#handedOn
      this.#handedOn = this.#received
      yield* ring.views(from, this.#handedOn)
    }
  }

  /** Goes on where the ring was full; called after it has released bytes. */
  drain(): void {
    const waiting = this.#overflow
    this.#overflow = []
    for (const bytes of waiting) this.#store(bytes)
    if (this.#overflow.length > 0 || this.#blocked === undefined) return
    const { reply, watch } = this.#blocked
    this.#blocked = undefined
    watch.resume()
    reply.resume()
  }

  async #fetch(firstReply: Reply | undefined): Promise<void> {
    const { etag, attempts, bell, signal } = this.#source
    let reply = firstReply
    const attempt = async (): Promise<void> => {
      const current = reply ?? (await this.#ask())
      reply = undefined
      await this.#receive(current)
    }
    await (etag === undefined ? attempt().catch(unresumable) : withRetries(attempt, attempts))
    while (this.#overflow.length > 0) {
      signal.throwIfAborted()
      await bell.wait()
    }
    this.#complete = true
    bell.ring()
  }

  /** The place of the next byte to ask for. */
  get #wanted(): number {
    return this.#overflow.reduce((place, bytes) => place + bytes.length, this.#received)
  }

  async #ask(): Promise<Reply> {
    const { client, url, etag, headersTimeoutMs, signal } = this.#source
    const range = { start: this.#wanted, end: this.#end }
    const headers = { range: rangeHeader(range), 'if-match': etag ?? '*' }
    const reply = await client.get(url, { headers, headersTimeoutMs, signal })
    try {
      this.#validate(reply, range)
      return reply
    } catch (error) {
      reply.drop()
      throw error
    }
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
    if (reply.status !== 206) throw statusError(reply, Date.now())
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
    if (length !== undefined && length !== range.end - range.start) {
      throw odd(`Content-Length ${length} contradicts Content-Range ${header}`)
    }
  }

  async #receive(reply: Reply): Promise<void> {
    const { stall, url, signal } = this.#source
    const from = this.#wanted
    const fail = (error: ActionError): void => reply.drop(error)
    const watch = new StallWatch(stall, (why) =>
      fail(new TransientError('STALLED', `${placeOf(url)} stalled at byte ${this.#wanted}: ${why}`)),
    )
    const cancel = (): void => reply.drop(signal.reason)
    signal.addEventListener('abort', cancel)
    try {
      signal.throwIfAborted()
      await reply.read((bytes) => {
        watch.progress(bytes.length)
        if (this.#wanted + bytes.length > this.#end) return fail(this.#refuseExcess(from))
        this.#store(bytes)
        if (this.#overflow.length === 0 || this.#blocked !== undefined) return
        this.#blocked = { reply, watch }
        watch.pause()
        reply.pause()
      })
    } finally {
      signal.removeEventListener('abort', cancel)
      watch.pause()
      this.#blocked = undefined
      reply.drop()
    }
    if (this.#end === Number.POSITIVE_INFINITY) this.#end = this.#wanted
    if (this.#wanted < this.#end) {
      const message = `${placeOf(url)} ended at byte ${this.#wanted} of ${this.#end}`
      throw new TransientError('TRUNCATED', message)
    }
  }

  /** A reply that is too long is none of what was asked for: what it brought is taken back while nobody has it. */
  #refuseExcess(from: number): ActionError {
    const message = `${placeOf(this.#source.url)} sent more than the expected ${this.#end - from} bytes at ${from}`
    if (this.#handedOn > from) return new ActionError('PROTOCOL_ERROR', message)
    this.#received = from
    this.#overflow = []
    return new TransientError('PROTOCOL_ERROR', message, OTHER_REPLICA)
  }

  #store(bytes: Uint8Array): void {
    const { ring, bell } = this.#source
    const room = this.#overflow.length > 0 ? 0 : ring.limit - this.#received
    const fitting = Math.min(bytes.length, room)
    if (fitting > 0) {
      ring.write(this.#received, bytes.subarray(0, fitting))
      this.#received += fitting
      bell.ring()
    }
    if (fitting < bytes.length) this.#overflow.push(bytes.slice(fitting))
  }
}

/** Without a pin nothing tells whether the rest would be of the same revision. */
function unresumable(cause: unknown): never {
  if (!(cause instanceof TransientError)) throw cause
  throw new ActionError(cause.code, `${cause.message}; without a strong ETag it cannot be resumed`, { cause })
}
