import { zstdDecompress } from 'node:zlib'
import type { ByteStream } from '../byte-stream.ts'
import { inOrder, type Job } from '../in-order.ts'
import { damaged, fed } from './frame-decoder.ts'
import { FrameReader, type HeldFrame, type Unit } from './frame-reader.ts'
import type { FrameHeader } from './frames.ts'

export interface DecodeOptions {
  /** Frames decoded at a time. */
  readonly concurrency: number
}

/** A frame that decodes to at most this is decoded in one call. */
const AT_ONCE_BYTES = 16 * 1024 * 1024
/** What is taken for that: a frame's usual 8 MiB, and a little more, so that Node need not look for more room. */
const OUTPUT_BYTES = 8 * 1024 * 1024 + 1024

/**
 * A zstd stream's decoded bytes, in pieces of at most 16 MiB, each valid until the next is asked for. Several frames
 * are decoded at once, each on a thread of libuv's pool. Bounded by `concurrency` times 16 MiB compressed and as much
 * decoded; with a concurrency of 1 by a few pieces of 320 KiB decoded.
 */
export async function* decode(
  stream: ByteStream,
  { concurrency }: DecodeOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const frames = new FrameReader(stream)
  const isAlone = concurrency === 1
  const begin = (unit: Unit): Job<AsyncIterable<Uint8Array>> => {
    if ('decoder' in unit) return fed(unit)
    return isAlone || !isSmall(unit.frame.header) ? frames.decode(unit) : atOnce(unit, frames)
  }
  const decoding = inOrder(frames.units(), begin, {
    active: concurrency,
    window: concurrency,
    cancel: (reason) => frames.cancel(reason),
  })
  for await (const pieces of decoding) yield* pieces
}

/** Whether a frame may well decode to few bytes: pzstd's frames hold four windows. */
function isSmall({ contentBytes, windowBytes }: FrameHeader): boolean {
  return (contentBytes ?? 4 * windowBytes) <= AT_ONCE_BYTES
}

/** Decodes a frame in one call, which is quickest; where it turns out to be large, again in pieces. */
function atOnce(unit: HeldFrame, frames: FrameReader): Job<AsyncIterable<Uint8Array>> {
  const { frame, bytes, release } = unit
  const options = { chunkSize: OUTPUT_BYTES, maxOutputLength: AT_ONCE_BYTES }
  const decoding = new Promise<Job<AsyncIterable<Uint8Array>>>((resolve, reject) => {
    zstdDecompress(bytes, options, (error, decoded) => {
      if (error !== null && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
        resolve(frames.decode(unit))
        return
      }
      release()
      if (error === null)
        resolve({ value: onlyPiece(decoded as Buffer<ArrayBuffer>), done: Promise.resolve() })
      else reject(damaged(frame, error))
    })
  })
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    yield* (await decoding).value
  }
  return { value: pieces(), done: decoding.then(({ done }) => done) }
}

async function* onlyPiece(bytes: Uint8Array<ArrayBuffer>): AsyncGenerator<Uint8Array> {
  if (bytes.length === 0) return
  yield bytes
  bytes.buffer.transfer(0)
}
