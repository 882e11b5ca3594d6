/** Bytes from `start` up to, not including, `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

export interface ContentRange extends Range {
  /** The size of the whole object. */
  readonly total: number
}

const CONTENT_RANGE = /^bytes +(\d{1,16})-(\d{1,16})\/(\d{1,16})$/i

/** The value of a Range header (RFC 9110, 14.2), whose last position is inclusive. */
export function rangeHeader({ start, end }: Range): string {
  return end === Number.POSITIVE_INFINITY ? `bytes=${start}-` : `bytes=${start}-${end - 1}`
}

/** Reads a Content-Range header (RFC 9110, 14.4) of a 206 reply; undefined where it is not exactly one valid range. */
export function parseContentRange(header: string): ContentRange | undefined {
  const match = CONTENT_RANGE.exec(header.trim())
  if (match === null) return undefined
  const [start = Number.NaN, last = Number.NaN, total = Number.NaN] = match.slice(1).map(Number)
  const valid = start <= last && last < total && Number.isSafeInteger(total)
  return valid ? { start, end: last + 1, total } : undefined
}

/** Reads the size in the Content-Range of a 416 reply, as in a `bytes` unit, an asterisk and the size. */
export function parseUnsatisfiedRange(header: string): number | undefined {
  const match = /^bytes +\*\/(\d{1,15})$/i.exec(header.trim())
  return match === null ? undefined : Number(match[1])
}

export interface ChunkLimits {
  readonly concurrency: number
  readonly chunkBytes: number
}

/** Chunks smaller than this cost a server more in requests than they gain in balance. */
const SMALL_CHUNK_BYTES = 4 * 1024 * 1024

/**
 * The size of the chunks that `bytes` are split into: evenly into a multiple of `concurrency`, so that no connection
 * idles in the last round; at most `chunkBytes`, and at least the smaller of that and 4 MiB.
 */
export function chunkSize(bytes: number, { concurrency, chunkBytes }: ChunkLimits): number {
  const rounds = Math.ceil(bytes / chunkBytes / concurrency)
  const even = Math.ceil(bytes / (rounds * concurrency))
  return Math.max(even, Math.min(chunkBytes, SMALL_CHUNK_BYTES))
}

/** Cuts a range into chunks of this size; the last may be smaller. */
export function* split({ start, end }: Range, size: number): Generator<Range> {
  for (let at = start; at < end; at += size) yield { start: at, end: Math.min(at + size, end) }
}
