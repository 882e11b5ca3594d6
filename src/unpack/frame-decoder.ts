import type { TransformOptions } from 'node:stream'
import { createZstdDecompress, type ZstdDecompress, type ZstdOptions } from 'node:zlib'
import { ActionError } from '../errors.ts'
import type { Job } from '../in-order.ts'
import type { FrameHeader } from './frames.ts'

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

/** A decoder for one frame. */
export function frameDecoder(): ZstdDecompress {
  const decoder = createZstdDecompress(DECODER_OPTIONS)
  // Whoever reads the decoder gets its error; until somebody does it must not end the process.
  decoder.on('error', () => {})
  return decoder
}

/** Resolves when the decoder has used the bytes: it takes no more than its consumer does. */
export function feed({ frame, decoder }: FedFrame, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(damagedIfZstd(frame, decoder.errored))
    // A decoder that fails while it writes closes without calling back.
    decoder.once('close', fail)
    decoder.write(bytes, (error) => {
      decoder.off('close', fail)
      if (error === null || error === undefined) resolve()
      else fail()
    })
  })
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
