import { createReadStream, statSync } from 'node:fs'

/** Bytes that a server has, in memory or on disk, and what it says about them. */
export type StoredObject = {
  readonly size: number
  /** The bytes of the half-open range. */
  readonly read: (start: number, end: number) => AsyncIterable<Buffer> | Iterable<Buffer>
  readonly etag?: string | undefined
  readonly headers?: Headers
}

/** Lower-case names; null takes a header away. */
export type Headers = Readonly<Record<string, string | readonly string[] | null>>

/** An answer before it is sent. Without a content-length header its body goes chunked. */
export type Answer = {
  readonly status: number
  readonly headers: Headers
  readonly body?: AsyncIterable<Buffer> | Iterable<Buffer> | undefined
}

const PIECE_BYTES = 512 * 1024

export function bytesObject(bytes: Buffer, etag?: string, headers?: Headers): StoredObject {
  const read = (start: number, end: number) => piecesOf(bytes.subarray(start, end))
  return { size: bytes.length, read, etag, ...(headers && { headers }) }
}

export function fileObject(file: string, etag?: string, headers?: Headers): StoredObject {
  const read = (start: number, end: number) => piecesOfFile(file, start, end)
  return { size: statSync(file).size, read, etag, ...(headers && { headers }) }
}

/** `full`: no range, or one that this server ignores: several, not bytes, malformed, end before start. */
export type ResolvedRange =
  | { readonly kind: 'full' }
  | { readonly kind: 'partial'; readonly start: number; readonly end: number }
  | { readonly kind: 'unsatisfiable' }

/** Which bytes of an object of `size` a Range header asks for, decided as Cachew decides. */
export function resolveRange(range: string | undefined, size: number): ResolvedRange {
  const [, first = '', last = ''] = /^bytes=\s*(\d*)\s*-\s*(\d*)\s*$/.exec(range ?? '') ?? []
  if (first === '' && last === '') return { kind: 'full' }
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? { kind: 'unsatisfiable' } : { kind: 'partial', start: size - length, end: size }
  }
  const start = Number(first)
  if (start >= size) return { kind: 'unsatisfiable' }
  if (last === '') return { kind: 'partial', start, end: size }
  if (Number(last) < start) return { kind: 'full' }
  return { kind: 'partial', start, end: Math.min(Number(last) + 1, size) }
}

/** The answer to a GET of the object: 200, 206, 304, 412 or 416; preconditions before the range. */
export function answerFor(object: StoredObject, request: Readonly<Record<string, string>>): Answer {
  const etag = object.etag === undefined ? {} : { etag: object.etag }
  const ifMatch = request['if-match']
  if (ifMatch !== undefined && !matches(ifMatch, object.etag)) return failed(412, etag)
  const ifNoneMatch = request['if-none-match']
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, object.etag)) return { status: 304, headers: etag }
  const ifRange = request['if-range']
  const rangeApplies = ifRange === undefined || ifRange === object.etag
  const range = resolveRange(rangeApplies ? request.range : undefined, object.size)
  if (range.kind === 'unsatisfiable')
    return failed(416, { ...etag, 'content-range': `bytes */${object.size}` })
  const headers = { 'accept-ranges': 'bytes', ...object.headers, ...etag }
  const { start, end } = range.kind === 'full' ? { start: 0, end: object.size } : range
  const length = { 'content-length': String(end - start) }
  const body = object.read(start, end)
  if (range.kind === 'full') return { status: 200, headers: { ...headers, ...length }, body }
  const part = { 'content-range': `bytes ${start}-${end - 1}/${object.size}` }
  return { status: 206, headers: { ...headers, ...length, ...part }, body }
}

/** An answer of text, with its length. */
export function textAnswer(status: number, text: string | Buffer, headers: Headers = {}): Answer {
  const body = Buffer.from(text)
  const own = { 'content-type': 'text/plain; charset=utf-8', 'content-length': String(body.length) }
  return { status, headers: { ...own, ...headers }, body: [body] }
}

function failed(status: number, headers: Headers): Answer {
  return { status, headers: { ...headers, 'content-length': '0' } }
}

function matches(list: string, etag: string | undefined): boolean {
  if (etag === undefined) return false
  return list.split(',').some((candidate) => candidate.trim() === '*' || candidate.trim() === etag)
}

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
}

/** The file is opened when the first piece is asked for, and not at all when none is. */
async function* piecesOfFile(file: string, start: number, end: number): AsyncGenerator<Buffer> {
  if (start < end) yield* createReadStream(file, { start, end: end - 1, highWaterMark: PIECE_BYTES })
}
