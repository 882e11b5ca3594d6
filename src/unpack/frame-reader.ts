import type { TransformOptions } from 'node:stream'
import { createZstdDecompress, type ZstdDecompress, type ZstdOptions } from 'node:zlib'
import type { ByteStream } from '../byte-stream.ts'
import { ActionError } from '../errors.ts'
import type { Job } from '../in-order.ts'
import { FrameBytes } from './frame-bytes.ts'
import { type FrameEvent, type FrameHeader, FrameScanner } from './frames.ts'

/** A frame of at most this many compressed bytes is collected and decoded beside others; a larger one is streamed. */
const COLLECTED_BYTES = 16 * 1024 * 1024
/**
 * What a decoder gives at a time: Node's default of 16 KiB would cost a hop to the thread pool for each. No divisor
 * of a frame's usual 8 MiB, or Node would allocate one more for nothing.
 */
const PIECE_BYTES = 320 * 1024
/** How far a decoder runs ahead of its consumer. */
const AHEAD_PIECES = 4
/** In object mode every piece is read as it was written; else Node joins those that wait, in other memory. */
const DECODER_OPTIONS: ZstdOptions & TransformOptions = {
  chunkSize: PIECE_BYTES,
  readableObjectMode: true,
  readableHighWaterMark: AHEAD_PIECES,
}

/** Where a frame is in the stream. */
export interface Frame {
  /** From 1. */
  readonly number: number
  readonly at: number
  readonly header: FrameHeader
}

/** A frame that is fed to its decoder while it arrives. */
export interface FedFrame {
  readonly frame: Frame
  readonly decoder: ZstdDecompress
}

/** A frame that has arrived. */
export interface HeldFrame {
  readonly frame: Frame
  readonly bytes: Uint8Array
  /** Says that the bytes are no longer needed. */
  readonly release: () => void
}

export type Unit = FedFrame | HeldFrame

/** Cuts the stream into frames, and gives its memory back as far as no frame needs it. */
export class FrameReader {
  readonly #stream: ByteStream
  readonly #collectedBytes: number
  readonly #scanner = new FrameScanner()
  /** Where the stream's memory begins that frames being decoded need, each by a mark of its own. */
  readonly #needed = new Map<symbol, number>()
  #at = 0
  #frames = 0
  #frame: Frame | undefined
  #bytes = new FrameBytes()
  #decoder: ZstdDecompress | undefined
  /** Those not read to their end yet. */
  readonly #decoders = new Set<ZstdDecompress>()
  #isCancelled = false

  constructor(stream: ByteStream) {
    this.#stream = stream
    this.#collectedBytes = Math.min(COLLECTED_BYTES, stream.holdBytes)
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
          yield* this.#end()
          used = end
        }
      }
      if (this.#frame !== undefined) yield* this.#add(piece.subarray(used))
      this.#at = from + piece.length
      this.#release()
    }
    this.#scanner.end()
  }

  /** Decodes a held frame in pieces. */
  decode({ frame, bytes, release }: HeldFrame): Job<AsyncIterable<Uint8Array>> {
    const decoder = this.#open()
    decoder.once('close', release)
    decoder.end(bytes)
    return fed({ frame, decoder })
  }

  cancel(reason: unknown): void {
    this.#isCancelled = true
    this.#stream.cancel(reason)
    for (const decoder of this.#decoders) decoder.destroy(reason instanceof Error ? reason : undefined)
  }

  #begin({ at, header }: FrameEvent & { kind: 'begin' }, earlier: Uint8Array): void {
    this.#frames += 1
    this.#frame = { number: this.#frames, at, header }
    this.#bytes = new FrameBytes()
    if (earlier.length > 0) this.#bytes.add(earlier)
  }

  /** Collects the frame. Where that cannot go on without a copy, or takes too much, it is fed from here on. */
  async *#add(bytes: Uint8Array): AsyncGenerator<Unit, void, undefined> {
    if (this.#decoder !== undefined) return this.#feed(this.#decoder, bytes)
    const isAdded = this.#bytes.add(bytes)
    const frame = this.#frame
    if (frame === undefined || (isAdded && this.#bytes.length <= this.#collectedBytes)) return
    const decoder = this.#open()
    this.#decoder = decoder
    const release = this.#keep(frame)
    yield { frame, decoder }
    await this.#feed(decoder, this.#bytes.view)
    release()
    if (!isAdded) await this.#feed(decoder, bytes)
  }

  async *#end(): AsyncGenerator<Unit, void, undefined> {
    const frame = this.#frame
    this.#frame = undefined
    if (this.#decoder !== undefined) {
      this.#decoder.end()
      this.#decoder = undefined
    } else if (frame !== undefined) {
      yield { frame, bytes: this.#bytes.view, release: this.#keep(frame) }
    }
  }

  #open(): ZstdDecompress {
    const decoder = createZstdDecompress(DECODER_OPTIONS)
    // Whoever reads the decoder gets its error; until somebody does it must not end the process.
    decoder.on('error', () => {})
    decoder.once('close', () => this.#decoders.delete(decoder))
    this.#decoders.add(decoder)
    if (this.#isCancelled) decoder.destroy()
    return decoder
  }

  /** Resolves when the decoder has used the bytes: it takes no more than its consumer does. */
  #feed(decoder: ZstdDecompress, bytes: Uint8Array): Promise<void> {
    const frame = this.#frame
    return new Promise((resolve, reject) => {
      const fail = (): void =>
        reject(frame === undefined ? decoder.errored : damagedIfZstd(frame, decoder.errored))
      // A decoder that fails while it writes closes without calling back.
      decoder.once('close', fail)
      decoder.write(bytes, (error) => {
        decoder.off('close', fail)
        if (error === null || error === undefined) resolve()
        else fail()
      })
    })
  }

  /** Keeps the memory that a frame's bytes lie in, until the result is called. */
  #keep({ at }: Frame): () => void {
    const mark = Symbol('frame')
    this.#needed.set(mark, at)
    return () => {
      this.#needed.delete(mark)
      this.#release()
    }
  }

  #release(): void {
    const isCollecting = this.#frame !== undefined && this.#decoder === undefined
    const current = isCollecting ? (this.#frame?.at ?? this.#at) : this.#at
    this.#stream.release(Math.min(current, ...this.#needed.values()))
  }
}

/** A frame that is being fed, and what comes of it. */
export function fed(unit: FedFrame): Job<AsyncIterable<Uint8Array>> {
  const done = new Promise<void>((resolve) => unit.decoder.once('close', resolve))
  return { value: decoded(unit), done }
}

/**
 * The pieces of a decoder. A piece's memory is freed when the decoder has left it: the garbage collector would let
 * hundreds of mebibytes pile up, and mark all of the heap again and again for them. A decoder that is stopped may
 * still write to the last.
 */
async function* decoded({ frame, decoder }: FedFrame): AsyncGenerator<Uint8Array> {
  let last: Uint8Array<ArrayBuffer> | undefined
  let length = 0
  try {
    for await (const piece of decoder as AsyncIterable<Uint8Array<ArrayBuffer>>) {
      if (piece.buffer !== last?.buffer) last?.buffer.transfer(0)
      last = piece
      length += piece.length
      yield piece
    }
    last?.buffer.transfer(0)
    // Of a frame that ends with an empty block, Node's decoder does not ask.
    if (length !== (frame.header.contentBytes ?? length)) throw damaged(frame)
  } catch (error) {
    throw damagedIfZstd(frame, error)
  }
}

/** The error for a frame that does not decode. */
export function damaged({ number, at }: Frame, cause?: unknown): ActionError {
  return new ActionError('CORRUPT_ZSTD', `zstd frame ${number}, at byte ${at}, is damaged`, { cause })
}

/** A streaming decoder fails for its input or because it was cancelled: only the former is damage. */
function damagedIfZstd(frame: Frame, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return code.startsWith('ZSTD_') ? damaged(frame, error) : error
}
