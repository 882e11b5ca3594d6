import { onTestFinished } from 'vitest'
import type { ByteStream } from '../../src/byte-stream.ts'
import { download } from '../../src/download/download.ts'
import { ActionError, describeError, type ErrorCode } from '../../src/errors.ts'
import type { Attempts } from '../../src/http/attempts.ts'
import { HttpClient } from '../../src/http/client.ts'
import { openSnapshot, type Snapshot } from '../../src/snapshot/open.ts'
import { type ObjectServer, type ObjectServerOptions, startObjectServer } from '../support/object-server.ts'
import { bytesObject } from '../support/stored-object.ts'

export const CHUNK = 16
const SIGNATURE = 'signed-query'
const TOKEN = 'Bearer t0p-s3cret'
/** Where round trips go that are no part of the download. */
const FENCE = '/fence'

export interface FetchSettings extends ObjectServerOptions {
  readonly concurrency?: number
  /** That the client may open; as many as the concurrency bring requests out of their order more often. */
  readonly connections?: number
  readonly chunkBytes?: number
  /** More attempts per chunk. */
  readonly retries?: number
  /** More attempts in all. */
  readonly budget?: number
  readonly stallMs?: number
  readonly headersTimeoutMs?: number
  /** Bytes per second. */
  readonly floor?: number
  /** Something on the way to the server: gives its own address for that of the server. */
  readonly through?: (server: URL) => Promise<URL>
  /** Instead of attempts whose waits are over at once. */
  readonly attemptsFor?: (chunks: number, signal: AbortSignal) => Attempts
  /** Between the download and its client, to watch what goes through. */
  readonly observe?: (client: Pick<HttpClient, 'get'>) => Pick<HttpClient, 'get'>
}

export interface Fetch {
  readonly server: ObjectServer
  readonly client: HttpClient
  /** Makes the round trips. */
  readonly visitor: HttpClient
  readonly url: URL
  readonly cancel: AbortController
  /** What the backoffs waited for, and why. */
  readonly delays: number[]
  readonly retried: unknown[]
  /** For how many chunks attempts were asked for, and until when. */
  readonly attemptsAsked: { readonly chunks: number; readonly signal: AbortSignal }[]
  readonly open: () => Promise<Snapshot>
  readonly opened: Snapshot[]
  readonly stream: () => Promise<ByteStream>
  /** All bytes, each released as soon as it is there. */
  readonly read: () => Promise<Buffer>
  readonly end: () => Promise<void>
}

/** Bytes that are not the same again after any power of two: a misplaced one cannot cancel out. */
export function pattern(size: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, (_, place) => place % 251))
}

/** A server, and a download from it with small numbers: 16-byte chunks, two at a time. Ended with the test. */
export async function startFetch(settings: FetchSettings): Promise<Fetch> {
  const fetch = await beginFetch(settings)
  onTestFinished(fetch.end)
  return fetch
}

/** As `startFetch`, for many in one test: the caller ends it. */
export async function beginFetch(settings: FetchSettings): Promise<Fetch> {
  const server = await startObjectServer({
    ...settings,
    objects: { ...settings.objects, [FENCE]: bytesObject(Buffer.alloc(0)) },
    fault: (request) => (request.path === FENCE ? undefined : settings.fault?.(request)),
  })
  const address = await settings.through?.(new URL(server.url))
  const url = new URL(`/object?${SIGNATURE}=1`, address ?? server.url)
  const client = new HttpClient({
    env: {},
    secrets: { origin: url.origin, headers: { authorization: TOKEN, 'x-key': TOKEN } },
    connectTimeoutMs: 10_000,
    connections: settings.connections ?? 8,
  })
  const visitor = new HttpClient({
    env: {},
    secrets: { origin: url.origin, headers: {} },
    connectTimeoutMs: 10_000,
    connections: 1,
  })
  const cancel = new AbortController()
  const delays: number[] = []
  const retried: unknown[] = []
  const attemptsAsked: { chunks: number; signal: AbortSignal }[] = []
  const attemptsAtOnce = (_: number, signal: AbortSignal): Attempts => ({
    attempts: settings.retries ?? 5,
    budget: { left: settings.budget ?? 1000 },
    remainingMs: () => Number.POSITIVE_INFINITY,
    random: () => 0,
    wait: async (delayMs) => {
      delays.push(delayMs)
      signal.throwIfAborted()
    },
    onRetry: (error) => {
      retried.push(error)
    },
  })
  const options = {
    client: settings.observe?.(client) ?? client,
    concurrency: settings.concurrency ?? 2,
    chunkBytes: settings.chunkBytes ?? CHUNK,
    discoveryTimeoutMs: 60_000,
    headersTimeoutMs: settings.headersTimeoutMs ?? 60_000,
    stall: { idleMs: settings.stallMs ?? 60_000, bytesPerSecond: settings.floor ?? 1 },
    attemptsFor: (chunks: number, signal: AbortSignal) => {
      attemptsAsked.push({ chunks, signal })
      return (settings.attemptsFor ?? attemptsAtOnce)(chunks, signal)
    },
    signal: cancel.signal,
  }
  const opened: Snapshot[] = []
  const open = async (): Promise<Snapshot> => {
    const snapshot = await openSnapshot(url, options)
    opened.push(snapshot)
    return snapshot
  }
  const stream = async (): Promise<ByteStream> => download(await open(), options)
  const read = async (): Promise<Buffer> => new Reader(await stream()).rest()
  const end = async (): Promise<void> => {
    await Promise.all([client.close(), visitor.close()])
    await server.close()
  }
  return {
    server,
    client,
    visitor,
    url,
    cancel,
    delays,
    retried,
    attemptsAsked,
    open,
    opened,
    stream,
    read,
    end,
  }
}

/** Reads a stream step by step, and releases what it has read, unless it is to hold it back. */
export class Reader {
  received = 0
  readonly #source: ByteStream
  readonly #bytes: AsyncIterator<Uint8Array>
  #holdsBack: boolean

  constructor(source: ByteStream, { holdsBack = false } = {}) {
    this.#source = source
    this.#bytes = source[Symbol.asyncIterator]()
    this.#holdsBack = holdsBack
  }

  /** The next piece; undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    const { done, value } = await this.#bytes.next()
    if (done) return undefined
    const piece = Buffer.from(new Uint8Array(value))
    this.received += piece.length
    if (!this.#holdsBack) this.#source.release(this.received)
    return piece
  }

  /** As many bytes as asked for, or a few more where a piece has them; fewer at the end. */
  async take(count: number): Promise<Buffer> {
    const until = this.received + count
    const pieces: Buffer[] = []
    while (this.received < until) {
      const piece = await this.next()
      if (piece === undefined) break
      pieces.push(piece)
    }
    return Buffer.concat(pieces)
  }

  rest(): Promise<Buffer> {
    return this.take(Number.POSITIVE_INFINITY)
  }

  /** Releases all that was read, and from now on what is. */
  holdBackNoMore(): void {
    this.#holdsBack = false
    this.#source.release(this.received)
  }

  async stop(): Promise<void> {
    await this.#bytes.return?.()
  }
}

/** The error that a promise must reject with, checked to name its place and to keep every secret. */
export async function failureOf(promise: Promise<unknown>): Promise<{ code: ErrorCode; text: string }> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (failure: unknown) => failure,
  )
  if (!(error instanceof ActionError)) throw error
  const text = describeError(error)
  for (const secret of [SIGNATURE, TOKEN, 't0p-s3cret']) {
    if (text.includes(secret)) throw new Error(`the error tells a secret: ${text}`)
  }
  return { code: error.code, text }
}

/** The Range header of each request, in the order in which they came. */
export function rangesOf(server: ObjectServer): (string | undefined)[] {
  return server.log.map(({ range }) => range)
}

/** Lets everything go on that is ready to, for so many turns of the event loop. */
export async function turns(count = 1): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** Resolves when the server has answered so many more requests: what was about to come has come. */
export async function roundTrips({ visitor, server }: Fetch, count = 5): Promise<void> {
  for (let trip = 0; trip < count; trip += 1) {
    const options = { headers: {}, headersTimeoutMs: 60_000, signal: new AbortController().signal }
    const reply = await visitor.get(new URL(FENCE, server.url), options)
    await reply.read(() => {})
    await turns()
  }
  for (let index = server.log.length; index-- > 0; ) {
    if (server.log[index]?.path === FENCE) server.log.splice(index, 1)
  }
}

/** Waits until no request is in flight and, though there is time, none comes. */
export async function nothingMoves(fetch: Fetch): Promise<void> {
  await fetch.server.until(() => fetch.server.active() === 0)
  await roundTrips(fetch)
  await fetch.server.until(() => fetch.server.active() === 0)
  await roundTrips(fetch)
}
