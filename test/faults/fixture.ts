import { onTestFinished } from 'vitest'
import { download } from '../../src/download/download.ts'
import { ActionError, describeError, type ErrorCode } from '../../src/errors.ts'
import type { Attempts } from '../../src/http/attempts.ts'
import type { HttpClient } from '../../src/http/client.ts'
import { openSnapshot, type Snapshot } from '../../src/snapshot/open.ts'
import { pattern } from '../download/fixture.ts'
import { clientTo } from '../support/http-client.ts'
import { type ObjectServer, type ObjectServerOptions, startObjectServer } from '../support/object-server.ts'

export const KiB = 1024
/** The smallest that the input allows. */
export const CHUNK_BYTES = 64 * KiB
export const CONCURRENCIES = [1, 2, 8] as const
/** Where one request brings everything there are no ranges to go wrong. */
export const PARALLEL = [2, 8] as const

const TOKEN = 'Bearer t0p-s3cret'
/** What only the server that was named is sent. */
export const SECRETS = { authorization: TOKEN, 'x-key': 'an0ther-s3cret' }
/** Parts of addresses that no line may show. */
export const QUERY = '?sig=s1gnature'
export const PROXY_CREDENTIALS = 'runner:pr0xy-s3cret'
const UNSPEAKABLE = /s3cret|s1gnature|runner:/

/** Five chunks and a bit. */
export const OBJECT = pattern(5 * CHUNK_BYTES + 7)

export interface Asking {
  readonly concurrency: number
  readonly chunkBytes?: number
  readonly retries?: number
  readonly env?: Readonly<Record<string, string>>
  readonly connectTimeoutMs?: number
  readonly headersTimeoutMs?: number
  /** Of a clock that only the waits between attempts move. */
  readonly deadlineMs?: number
  /** Takes place during each wait before another attempt. */
  readonly meanwhile?: (waits: number) => Promise<void> | void
}

export interface Obtained {
  /** `OK`: all bytes came. */
  readonly outcome: 'OK' | ErrorCode
  /** How the snapshot was opened, if it was. */
  readonly kind: Snapshot['kind'] | undefined
  readonly bytes: Buffer
  /** What a person reads at the end; empty for OK. */
  readonly words: string
  readonly requests: number
  /** What was waited for before other attempts. */
  readonly delays: readonly number[]
}

/** Opens and downloads what is there, as a step does, but for the waits, which are over at once. */
export async function obtain(url: string | URL, asking: Asking): Promise<Obtained> {
  const client = clientFor(url, asking)
  const delays: number[] = []
  const lines: string[] = []
  let kind: Snapshot['kind'] | undefined
  const end = (outcome: Obtained['outcome'], bytes: Buffer, words: string): Obtained => {
    const { requests } = client.traffic
    for (const line of [...lines, words]) {
      if (UNSPEAKABLE.test(line)) throw new Error(`a line tells a secret: ${line}`)
    }
    return { outcome, kind, bytes, words, requests, delays }
  }
  const options = optionsFor(client, asking, attempts(asking, delays, lines))
  try {
    const snapshot = await openSnapshot(new URL(url), options)
    kind = snapshot.kind
    return end('OK', await allBytes(snapshot, options), '')
  } catch (error) {
    if (!(error instanceof ActionError)) throw error
    return end(error.code, Buffer.alloc(0), describeError(error))
  } finally {
    await client.close()
  }
}

/** Reads so many bytes of what is there, and then wants no more. */
export async function readBeginning(
  url: string,
  asking: Asking & { readonly bytes: number },
): Promise<{ readonly total: number | undefined; readonly requests: number }> {
  const client = clientFor(url, asking)
  const options = optionsFor(client, asking, attempts(asking, [], []))
  try {
    const snapshot = await openSnapshot(new URL(url), options)
    const stream = download(snapshot, options)
    let received = 0
    for await (const bytes of stream) {
      received += bytes.length
      stream.release(received)
      if (received >= asking.bytes) break
    }
    return { total: snapshot.total, requests: client.traffic.requests }
  } finally {
    await client.close()
  }
}

function clientFor(
  url: string | URL,
  { env = {}, connectTimeoutMs = 10_000, concurrency }: Asking,
): HttpClient {
  const secrets = { origin: new URL(url).origin, headers: SECRETS }
  return clientTo(url, { env, secrets, connectTimeoutMs, connections: concurrency })
}

function optionsFor(client: HttpClient, asking: Asking, attemptsFor: Options['attemptsFor']) {
  return {
    client,
    concurrency: asking.concurrency,
    chunkBytes: asking.chunkBytes ?? CHUNK_BYTES,
    discoveryTimeoutMs: asking.headersTimeoutMs ?? 60_000,
    headersTimeoutMs: asking.headersTimeoutMs ?? 60_000,
    stall: { idleMs: 60_000, bytesPerSecond: 1 },
    attemptsFor,
    signal: new AbortController().signal,
  }
}

type Options = Parameters<typeof download>[1]

async function allBytes(snapshot: Snapshot, options: Options): Promise<Buffer> {
  const stream = download(snapshot, options)
  const pieces: Buffer[] = []
  let received = 0
  for await (const bytes of stream) {
    pieces.push(Buffer.from(new Uint8Array(bytes)))
    received += bytes.length
    stream.release(received)
  }
  return Buffer.concat(pieces)
}

function attempts({ retries = 5, deadlineMs, meanwhile }: Asking, delays: number[], lines: string[]) {
  return (chunks: number, signal: AbortSignal): Attempts => ({
    attempts: retries,
    budget: { left: Math.max(10, chunks) },
    remainingMs: () => (deadlineMs ?? Number.POSITIVE_INFINITY) - sum(delays),
    random: () => 0.5,
    wait: async (delayMs) => {
      delays.push(delayMs)
      await meanwhile?.(delays.length)
      signal.throwIfAborted()
    },
    onRetry: (error) => {
      lines.push(describeError(error))
    },
  })
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** A server of `OBJECT`, or of what the options say; ended with the test. */
export async function serve(options: ObjectServerOptions = {}): Promise<ObjectServer & { place: string }> {
  const server = await startObjectServer({ bytes: OBJECT, ...options })
  onTestFinished(() => server.close())
  return { ...server, place: `${server.url}/snapshot.tar.zst${QUERY}` }
}
