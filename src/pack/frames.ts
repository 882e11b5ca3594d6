import { constants, zstdCompress } from 'node:zlib'
import { inOrder, type Job } from '../in-order.ts'

/** What becomes one frame. */
export interface Block {
  readonly bytes: Uint8Array
  /** Says that the bytes are no longer needed. */
  readonly release: () => void
}

export interface FrameOptions {
  /** 1 to 19. */
  readonly level: number
  /** Frames compressed at a time, on threads of libuv's pool. */
  readonly concurrency: number
  readonly signal: AbortSignal
}

const SKIPPABLE_MAGIC = 0x184d2a50

/**
 * Blocks as independent zstd frames, as pzstd writes them: before each a skippable one that tells its size. They have
 * their content size and a checksum. Of the blocks at most `concurrency` and one more are not released; at most twice
 * `concurrency` frames, each hardly larger than its block, are being made or wait for the consumer. A frame that is
 * being made cannot be stopped: who stops early waits for it, seconds at the highest levels.
 */
export async function* frames(
  blocks: Iterable<Block> | AsyncIterable<Block>,
  { level, concurrency, signal }: FrameOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const begin = (block: Block): Job<Promise<Uint8Array>> => {
    signal.throwIfAborted()
    const frame = compress(block.bytes, level).finally(block.release)
    return { value: frame, done: frame }
  }
  const limits = { active: concurrency, window: 2 * concurrency, cancel: () => {} }
  for await (const frame of inOrder(blocks, begin, limits)) {
    signal.throwIfAborted()
    yield sizeFrame(frame.length)
    yield frame
  }
}

/** In one call with room for all that can come of it: a hop to the pool for each piece would cost more. */
function compress(bytes: Uint8Array, level: number): Promise<Uint8Array> {
  const options = {
    chunkSize: largestFrame(bytes.length),
    pledgedSrcSize: bytes.length,
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
  }
  return new Promise((resolve, reject) => {
    zstdCompress(bytes, options, (error, frame) => (error === null ? resolve(frame) : reject(error)))
  })
}

/** More than zstd makes of so many bytes, whatever they are. */
function largestFrame(bytes: number): number {
  return bytes + (bytes >> 8) + 1024
}

/** By it pzstd finds the frames that it decodes at a time. */
function sizeFrame(size: number): Uint8Array {
  const frame = Buffer.alloc(12)
  frame.writeUInt32LE(SKIPPABLE_MAGIC, 0)
  frame.writeUInt32LE(4, 4)
  frame.writeUInt32LE(size, 8)
  return frame
}
