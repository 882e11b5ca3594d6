import { onTestFinished } from 'vitest'
import type { ByteStream } from '../../src/byte-stream.ts'
import { type DownloadOptions, download } from '../../src/download/download.ts'
import { ActionError, describeError, type ErrorCode } from '../../src/errors.ts'
import type { Attempts } from '../../src/http/attempts.ts'
import type { HttpClient } from '../../src/http/client.ts'
import { type OpenOptions, openSnapshot, type Snapshot } from '../../src/snapshot/open.ts'
import { asking, clientTo } from '../support/http-client.ts'
import { type ObjectServer, type ObjectServerOptions, startObjectServer } from '../support/object-server.ts'
import { bytesObject } from '../support/stored-object.ts'
import { turns } from '../support/turns.ts'
import { Reader } from './reader.ts'

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
  return new Fetch(server, new URL(`/object?${SIGNATURE}=1`, address ?? server.url), settings)
}

/** A download that is made ready, and what is seen of it. */
export class Fetch {
  readonly server: ObjectServer
  readonly url: URL
  readonly client: HttpClient
  /** Makes the round trips. */
  readonly visitor: HttpClient
  readonly cancel = new AbortController()
  /** What the backoffs waited for, and why. */
  readonly delays: number[] = []
  readonly retried: unknown[] = []
  /** For how many chunks attempts were asked for, and until when. */
  readonly attemptsAsked: { readonly chunks: number; readonly signal: AbortSignal }[] = []
  readonly opened: Snapshot[] = []
  readonly #settings: FetchSettings
  readonly #options: DownloadOptions & OpenOptions

  constructor(server: ObjectServer, url: URL, settings: FetchSettings) {
    const secrets = { origin: url.origin, headers: { authorization: TOKEN, 'x-key': TOKEN } }
    this.server = server
    this.url = url
    this.client = clientTo(url, { secrets, connections: settings.connections ?? 8 })
    this.visitor = clientTo(url, { connections: 1 })
    this.#settings = settings
    this.#options = {
      client: settings.observe?.(this.client) ?? this.client,
      concurrency: settings.concurrency ?? 2,
      chunkBytes: settings.chunkBytes ?? CHUNK,
      discoveryTimeoutMs: 60_000,
      headersTimeoutMs: settings.headersTimeoutMs ?? 60_000,
      stall: { idleMs: settings.stallMs ?? 60_000, bytesPerSecond: settings.floor ?? 1 },
      attemptsFor: (chunks, signal) => {
        this.attemptsAsked.push({ chunks, signal })
        return settings.attemptsFor?.(chunks, signal) ?? this.#attemptsAtOnce(signal)
      },
      signal: this.cancel.signal,
    }
  }

  readonly open = async (): Promise<Snapshot> => {
    const snapshot = await openSnapshot(this.url, this.#options)
    this.opened.push(snapshot)
    return snapshot
  }

  readonly stream = async (): Promise<ByteStream> => download(await this.open(), this.#options)

  /** All bytes, each released as soon as it is there. */
  readonly read = async (): Promise<Buffer> => new Reader(await this.stream()).rest()

  readonly end = async (): Promise<void> => {
    await Promise.all([this.client.close(), this.visitor.close()])
    await this.server.close()
  }

  #attemptsAtOnce(signal: AbortSignal): Attempts {
    return {
      attempts: this.#settings.retries ?? 5,
      budget: { left: this.#settings.budget ?? 1000 },
      remainingMs: () => Number.POSITIVE_INFINITY,
      random: () => 0,
      wait: async (delayMs) => {
        this.delays.push(delayMs)
        signal.throwIfAborted()
      },
      onRetry: (error) => {
        this.retried.push(error)
      },
    }
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

/** Resolves when the server has answered so many more requests: what was about to come has come. */
export async function roundTrips({ visitor, server }: Fetch, count = 5): Promise<void> {
  for (let trip = 0; trip < count; trip += 1) {
    const reply = await visitor.get(new URL(FENCE, server.url), asking())
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
