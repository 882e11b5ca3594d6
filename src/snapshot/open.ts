import { ActionError } from '../errors.ts'
import { type Attempts, withRetries } from '../http/attempts.ts'
import type { HttpClient } from '../http/client.ts'
import type { Reply } from '../http/exchange.ts'
import { placeOf, statusError } from '../http/failure.ts'
import { announcedLength, lastModified, refuseContentEncoding, strongETag } from '../http/headers.ts'
import { type ContentRange, parseContentRange, parseUnsatisfiedRange, rangeHeader } from '../http/ranges.ts'
import { TransientError } from '../http/retry.ts'

interface SnapshotFacts {
  /** Where its bytes come from, after redirects: further requests go there. */
  readonly url: URL
  /** The commit that it holds, where the server tells. */
  readonly commit: string | undefined
  /** When it was made, in milliseconds since 1970, where the server tells. */
  readonly modifiedMs: number | undefined
}

/** An object that can be had in parts: what came first, and the pin that keeps all parts of one revision. */
export interface RangedSnapshot extends SnapshotFacts {
  readonly kind: 'ranges'
  readonly etag: string
  readonly total: number
  readonly first: { readonly end: number; readonly reply: Reply }
}

/** An object that comes as one body; with a strong ETag it can be resumed. */
export interface StreamedSnapshot extends SnapshotFacts {
  readonly kind: 'stream'
  readonly etag: string | undefined
  readonly total: number | undefined
  readonly reply: Reply
}

export interface EmptySnapshot extends SnapshotFacts {
  readonly kind: 'empty'
  readonly etag: undefined
  readonly total: 0
}

export type Snapshot = RangedSnapshot | StreamedSnapshot | EmptySnapshot

export interface OpenOptions {
  readonly client: Pick<HttpClient, 'get'>
  readonly concurrency: number
  readonly chunkBytes: number
  /** Until the reply's head is there. */
  readonly discoveryTimeoutMs: number
  readonly attemptsFor: (chunks: number, signal: AbortSignal) => Attempts
  readonly signal: AbortSignal
}

/**
 * Asks for the first chunk, and learns from the reply what the object is: one request is discovery and first data.
 * The reply's body waits in the result, to be read or dropped.
 */
export async function openSnapshot(url: URL, options: OpenOptions): Promise<Snapshot> {
  return (await openChanged(url, options)) as Snapshot
}

/** The same, unless the object still has the ETag that is known; then undefined, after one small request. */
export function openChanged(url: URL, options: OpenOptions, known?: string): Promise<Snapshot | undefined> {
  const condition = known === undefined ? {} : { 'if-none-match': known }
  return withRetries(() => discover(url, options, condition), options.attemptsFor(1, options.signal))
}

type Condition = Readonly<Record<string, string>>

async function discover(url: URL, options: OpenOptions, condition: Condition): Promise<Snapshot | undefined> {
  const asked = { start: 0, end: options.chunkBytes }
  const range = options.concurrency === 1 ? {} : { range: rangeHeader(asked) }
  const reply = await ask(url, { ...range, ...condition }, options)
  try {
    if (reply.status === 304 && 'if-none-match' in condition) {
      reply.drop()
      return undefined
    }
    if (options.concurrency === 1) return streamOf(reply)
    if (reply.status === 206) return firstPart(reply, asked.end) ?? (await whole(url, options, reply))
    if (reply.status === 200) return stream(reply)
    if (reply.status !== 416) throw statusError(reply, Date.now())
    if (parseUnsatisfiedRange(reply.header('content-range') ?? '') !== 0)
      return await whole(url, options, reply)
    reply.drop()
    return { kind: 'empty', ...factsOf(reply), etag: undefined, total: 0 }
  } catch (error) {
    reply.drop()
    throw error
  }
}

/** The object as one body: parts of it are of no use, or could not be told apart from another revision's. */
async function whole(url: URL, options: OpenOptions, partial?: Reply): Promise<Snapshot> {
  partial?.drop()
  const reply = await ask(url, {}, options)
  try {
    return streamOf(reply)
  } catch (error) {
    reply.drop()
    throw error
  }
}

function streamOf(reply: Reply): StreamedSnapshot {
  if (reply.status === 200) return stream(reply)
  throw statusError(reply, Date.now())
}

function ask(url: URL, headers: Record<string, string>, options: OpenOptions): Promise<Reply> {
  const { client, discoveryTimeoutMs, signal } = options
  return client.get(url, { headers, headersTimeoutMs: discoveryTimeoutMs, signal })
}

function stream(reply: Reply): StreamedSnapshot {
  refuseContentEncoding(reply)
  const [total, etag] = [announcedLength(reply), strongETag(reply)]
  return { kind: 'stream', ...factsOf(reply), etag, total, reply }
}

/** What a 206 to the first request is; undefined where its parts could not be told apart. */
function firstPart(reply: Reply, askedEnd: number): Snapshot | undefined {
  refuseContentEncoding(reply)
  const range = contentRange(reply, askedEnd)
  const [etag, facts] = [strongETag(reply), factsOf(reply)]
  if (range.end === range.total) return { kind: 'stream', ...facts, etag, total: range.total, reply }
  if (etag === undefined) return undefined
  return { kind: 'ranges', ...facts, etag, total: range.total, first: { end: range.end, reply } }
}

function contentRange(reply: Reply, askedEnd: number): ContentRange {
  const header = reply.header('content-range')
  const range = header === undefined ? undefined : parseContentRange(header)
  const seen = `${placeOf(reply.url)} answered 206 with Content-Range ${header ?? 'missing'}`
  if (range === undefined) throw new ActionError('PROTOCOL_ERROR', `${seen}, which is not one valid range`)
  if (range.start !== 0) {
    throw new TransientError('PROTOCOL_ERROR', `${seen} when asked for the first bytes`, { atMost: 4 })
  }
  if (range.end > askedEnd) throw new ActionError('PROTOCOL_ERROR', `${seen}, more than was asked for`)
  const length = announcedLength(reply)
  if (length === undefined || length === range.end) return range
  throw new ActionError('PROTOCOL_ERROR', `${seen} and Content-Length ${length}, which contradict each other`)
}

function factsOf(reply: Reply): SnapshotFacts {
  return { url: reply.url, commit: commitOf(reply), modifiedMs: lastModified(reply) }
}

function commitOf(reply: Reply): string | undefined {
  const commit = reply.header('x-cachew-snapshot-commit')
  if (commit === undefined || commit === '') return undefined
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(commit)) return commit
  throw new ActionError(
    'PROTOCOL_ERROR',
    `${placeOf(reply.url)} sent an X-Cachew-Snapshot-Commit that is no commit`,
  )
}
