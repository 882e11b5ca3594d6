import type { ByteStream } from '../byte-stream.ts'
import { ActionError } from '../errors.ts'
import { Stopwatch } from '../timing.ts'
import { decode } from './decode.ts'
import { type Spent, SpentClock } from './spent.ts'
import type { Tree, TreeBuilder } from './tree.ts'

export interface UnpackOptions {
  /** Frames decoded at a time. */
  readonly decoders: number
  /** The snapshot's commit, where it is known: its length tells the object format. */
  readonly commit: string | undefined
  /** Told when all of the snapshot has come. */
  readonly onReceived?: () => void
}

/** How many bytes a compressed one may become; an archive of a clone is mostly packs, which stay as they are. */
const MAX_RATIO = 1000
/** So much is unpacked before that is asked: a clone may begin with a file of zeros. */
const UNJUDGED_BYTES = 64 * 1024 * 1024

export interface Unpacked extends Tree {
  readonly spent: Spent
}

/** Turns a stream of a `tar.zst` into the tree, while it arrives. On failure what is on disk is incomplete. */
export async function unpack(
  stream: ByteStream,
  tree: TreeBuilder,
  options: UnpackOptions,
): Promise<Unpacked> {
  if (options.commit?.length === 64) tree.hash = 'sha256'
  const counted = new CountedStream(stream, options.onReceived)
  const clock = new SpentClock({ network: counted.waiting, files: tree.waiting })
  let bytes = 0
  for await (const block of decode(counted, { concurrency: options.decoders })) {
    clock.gotBlock()
    bytes += block.length
    checkRatio(bytes, counted.taken)
    await tree.write(block)
    clock.readBlock()
  }
  if (bytes === 0) throw new ActionError('EMPTY_SNAPSHOT', 'the snapshot is empty')
  clock.gotBlock()
  const finished = await tree.finish()
  clock.readBlock()
  return { ...finished, spent: clock.spent }
}

function checkRatio(bytes: number, compressedBytes: number): void {
  if (bytes <= UNJUDGED_BYTES || bytes <= MAX_RATIO * compressedBytes) return
  const seen = `${compressedBytes} bytes of it unpack to more than ${bytes}`
  throw new ActionError(
    'LIMIT_EXCEEDED',
    `the archive is refused: ${seen}; at most ${MAX_RATIO} times as many are allowed`,
  )
}

/** A stream that tells how many bytes have been taken from it, and how long they were waited for. */
class CountedStream implements ByteStream {
  readonly holdBytes: number
  readonly waiting = new Stopwatch()
  readonly #stream: ByteStream
  readonly #onEnd: (() => void) | undefined
  taken = 0

  constructor(stream: ByteStream, onEnd: (() => void) | undefined) {
    this.holdBytes = stream.holdBytes
    this.#stream = stream
    this.#onEnd = onEnd
  }

  release(upTo: number): void {
    this.#stream.release(upTo)
  }

  cancel(reason: unknown): void {
    this.#stream.cancel(reason)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    this.waiting.start()
    for await (const piece of this.#stream) {
      this.waiting.stop()
      this.taken += piece.length
      yield piece
      this.waiting.start()
    }
    this.waiting.stop()
    this.#onEnd?.()
  }
}
