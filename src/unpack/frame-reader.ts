import type { ZstdDecompress } from 'node:zlib'
import type { ByteStream } from '../byte-stream.ts'
import type { Job } from '../in-order.ts'
import { FrameBytes } from './frame-bytes.ts'
import { type FedFrame, type Frame, fed, feed, frameDecoder } from './frame-decoder.ts'
import { type FrameEvent, FrameScanner } from './frames.ts'

/** A frame of at most this many compressed bytes is collected and decoded beside others; a larger one is streamed. */
const COLLECTED_BYTES = 16 * 1024 * 1024

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
  /** The frame, where it is fed while it arrives. */
  #fed: FedFrame | undefined
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
    if (this.#fed !== undefined) return feed(this.#fed, bytes)
    const isAdded = this.#bytes.add(bytes)
    const frame = this.#frame
    if (frame === undefined || (isAdded && this.#bytes.length <= this.#collectedBytes)) return
    const unit = { frame, decoder: this.#open() }
    this.#fed = unit
    const release = this.#keep(frame)
    yield unit
    await feed(unit, this.#bytes.view)
    release()
    if (!isAdded) await feed(unit, bytes)
  }

  async *#end(): AsyncGenerator<Unit, void, undefined> {
    const frame = this.#frame
    this.#frame = undefined
    if (this.#fed !== undefined) {
      this.#fed.decoder.end()
      this.#fed = undefined
    } else if (frame !== undefined) {
      yield { frame, bytes: this.#bytes.view, release: this.#keep(frame) }
    }
  }

  #open(): ZstdDecompress {
    const decoder = frameDecoder()
    decoder.once('close', () => this.#decoders.delete(decoder))
    this.#decoders.add(decoder)
    if (this.#isCancelled) decoder.destroy()
    return decoder
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
    const isCollecting = this.#frame !== undefined && this.#fed === undefined
    const current = isCollecting ? (this.#frame?.at ?? this.#at) : this.#at
    this.#stream.release(Math.min(current, ...this.#needed.values()))
  }
}
