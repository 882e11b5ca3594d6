import { createZstdDecompress, type ZstdDecompress, zstdDecompress } from 'node:zlib'
import type { ByteStream } from '../byte-stream.ts'
import { ActionError } from '../errors.ts'
import { inOrder, type Job } from '../in-order.ts'
import { FrameBytes } from './frame-bytes.ts'
import { type FrameEvent, type FrameHeader, FrameScanner } from './frames.ts'

export interface DecodeOptions {
  /** Frames decoded at a time, each on a thread of libuv's pool. */
  readonly concurrency: number
}

/** A frame of at most this many bytes, compressed and decoded, is held and decoded at once; a larger one is streamed. */
const HELD_FRAME_BYTES = 32 * 1024 * 1024
/** Node's default of 16 KiB would cost a hop to the thread pool for each: a third of the speed. */
const STREAM_CHUNK_BYTES = 1024 * 1024
/** Below this Node takes memory from a shared pool, which could not be given to another thread. */
const LEAST_OUTPUT_BYTES = 64 * 1024

interface Frame {
  /** From 1. */
  readonly number: number
  readonly at: number
  readonly header: FrameHeader
}

/** One frame, whole or as a stream that is still being fed. */
type Unit =
  | { readonly kind: 'held'; readonly frame: Frame; readonly bytes: Uint8Array; readonly mostBytes: number }
  | { readonly kind: 'streamed'; readonly frame: Frame; readonly decoder: ZstdDecompress }

/**
 * A zstd stream's decoded bytes, in blocks each of which has its ArrayBuffer to itself. Several frames are
 * decoded at once. Bounded by `concurrency + 1` frames of at most 32 MiB, or one streamed in pieces of 1 MiB.
 */
export async function* decode(
  stream: ByteStream,
  { concurrency }: DecodeOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const frames = new FrameReader(stream)
  const decoding = inOrder(frames.units(), begin, {
    active: concurrency,
    window: concurrency + 1,
    cancel: (reason) => frames.cancel(reason),
  })
  for await (const blocks of decoding) {
    for await (const block of blocks) if (block.length > 0) yield block
    frames.finished()
  }
}

type Blocks = AsyncIterable<Uint8Array> | Iterable<Promise<Uint8Array>>

function begin(unit: Unit): Job<Blocks> {
  if (unit.kind === 'held') {
    const decoded = decodeHeld(unit)
    return { value: [decoded], done: decoded }
  }
  const done = new Promise<void>((resolve) => unit.decoder.once('close', resolve))
  return { value: streamedBlocks(unit), done }
}

function decodeHeld({ frame, bytes, mostBytes }: Unit & { kind: 'held' }): Promise<Uint8Array> {
  const chunkSize = Math.max(mostBytes + 1, LEAST_OUTPUT_BYTES)
  return new Promise((resolve, reject) => {
    zstdDecompress(bytes, { chunkSize, maxOutputLength: chunkSize }, (error, decoded) => {
      if (error !== null) reject(damaged(frame, error))
      else if (decoded.length !== (frame.header.contentBytes ?? decoded.length)) reject(damaged(frame))
      else resolve(decoded)
    })
  })
}

async function* streamedBlocks({ frame, decoder }: Unit & { kind: 'streamed' }): AsyncGenerator<Uint8Array> {
  try {
    yield* decoder
  } catch (error) {
    throw damagedIfZstd(frame, error)
  }
}

function damaged({ number, at }: Frame, cause?: unknown): ActionError {
  return new ActionError('CORRUPT_ZSTD', `zstd frame ${number}, at byte ${at}, is damaged`, { cause })
}

/** A streaming decoder fails for its input or because it was cancelled: only the former is damage. */
function damagedIfZstd(frame: Frame, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return code.startsWith('ZSTD_') ? damaged(frame, error) : error
}

/** Cuts the stream into frames, and gives its memory back as far as no frame needs it. */
class FrameReader {
  readonly #stream: ByteStream
  readonly #scanner = new FrameScanner()
  /** For each frame not yet finished, where the stream's memory begins that it needs; Infinity for none. */
  readonly #needed: number[] = []
  #at = 0
  #frames = 0
  #frame: Frame | undefined
  #bytes: FrameBytes
  #decoder: ZstdDecompress | undefined

  constructor(stream: ByteStream) {
    this.#stream = stream
    this.#bytes = new FrameBytes(stream.holdBytes)
  }

  async *units(): AsyncGenerator<Unit, void, undefined> {
    for await (const piece of this.#stream) {
      const from = this.#at
      let used = 0
      for (const event of this.#scanner.push(piece)) {
        if (event.kind === 'begin') {
          this.#begin(event, event.head.subarray(0, Math.max(0, from - event.at)))
          used = Math.max(0, event.at - from)
        } else {
          const end = event.at - from
          yield* this.#add(piece.subarray(used, end))
          yield* this.#end(event.mostBytes)
          used = end
        }
      }
      if (this.#frame !== undefined) yield* this.#add(piece.subarray(used))
      this.#at = from + piece.length
      this.#release()
    }
    this.#scanner.end()
  }

  /** The oldest frame has been consumed. */
  finished(): void {
    this.#needed.shift()
    this.#release()
  }

  cancel(reason: unknown): void {
    this.#stream.cancel(reason)
    this.#decoder?.destroy()
  }

  #begin({ at, header }: FrameEvent & { kind: 'begin' }, earlier: Uint8Array): void {
    this.#frames += 1
    this.#frame = { number: this.#frames, at, header }
    this.#bytes = new FrameBytes(this.#stream.holdBytes)
    if (earlier.length > 0) this.#bytes.add(earlier)
  }

  async *#add(bytes: Uint8Array): AsyncGenerator<Unit, void, undefined> {
    if (this.#decoder !== undefined) return this.#feed(this.#decoder, bytes)
    this.#bytes.add(bytes)
    const frame = this.#frame
    const size = Math.max(this.#bytes.length, frame?.header.contentBytes ?? this.#scanner.mostBytesSoFar)
    if (frame === undefined || size <= HELD_FRAME_BYTES) return
    const decoder = createZstdDecompress({ chunkSize: STREAM_CHUNK_BYTES })
    decoder.on('error', () => {})
    this.#decoder = decoder
    this.#needed.push(Number.POSITIVE_INFINITY)
    yield { kind: 'streamed', frame, decoder }
    await this.#feed(decoder, this.#bytes.take())
  }

  async *#end(mostBytes: number): AsyncGenerator<Unit, void, undefined> {
    const frame = this.#frame
    this.#frame = undefined
    if (this.#decoder !== undefined) {
      this.#decoder.end()
      this.#decoder = undefined
    } else if (frame !== undefined) {
      this.#needed.push(this.#bytes.held ? frame.at : Number.POSITIVE_INFINITY)
      yield { kind: 'held', frame, bytes: this.#bytes.take(), mostBytes }
    }
  }

  /** Resolves when the decoder has used the bytes: it takes no more than its consumer does. */
  #feed(decoder: ZstdDecompress, bytes: Uint8Array): Promise<void> {
    const frame = this.#frame
    return new Promise((resolve, reject) => {
      decoder.write(bytes, (error) => {
        if (error === null || error === undefined) resolve()
        else reject(frame === undefined ? error : damagedIfZstd(frame, error))
      })
    })
  }

  #release(): void {
    const held = this.#frame !== undefined && this.#decoder === undefined && this.#bytes.held
    const current = held ? (this.#frame?.at ?? this.#at) : this.#at
    this.#stream.release(Math.min(current, ...this.#needed))
  }
}
