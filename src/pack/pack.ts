import { open, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { type Block, frames } from './frames.ts'
import { Source } from './source.ts'
import { TarBlocks, type TarOptions } from './tar-blocks.ts'

export interface PackOptions extends TarOptions {
  /** Absolute path of a directory that nobody changes meanwhile. */
  readonly directory: string
  /** Of zstd: 1 to 19. */
  readonly level: number
  readonly signal: AbortSignal
}

/** What has been packed so far. */
export interface PackCounts {
  /** Files and symbolic links. */
  readonly files: number
  /** Of the tar archive. */
  readonly unpackedBytes: number
}

/** The bytes of a `tar.zst`, each piece the consumer's own; iterated once. */
export interface Packing extends AsyncIterable<Uint8Array>, PackCounts {}

export interface Packed extends PackCounts {
  /** Of the file. */
  readonly bytes: number
}

/** Those of libuv's pool. */
const MAX_THREADS = 4

/**
 * Packs a directory as tar and pzstd do; the same contents give the same bytes. Takes 24 MiB for each thread (one a
 * core, at most four) and what zstd needs for its level (4 MiB for 3, 90 MiB for 19), and 8 MiB more.
 */
export function packDirectory({ directory, level, signal, mtime, keeps }: PackOptions): Packing {
  const tar = new TarBlocks(new Source(directory), { mtime, keeps })
  const concurrency = Math.min(MAX_THREADS, availableParallelism())
  return {
    get files() {
      return tar.files
    },
    get unpackedBytes() {
      return tar.bytes
    },
    [Symbol.asyncIterator]: () => frames(inTurns(tar), { level, concurrency, signal }),
  }
}

/** Packs a directory into a new file, of which nothing is left when that fails. */
export async function packInto(file: string, options: PackOptions): Promise<Packed> {
  const packing = packDirectory(options)
  const handle = await open(file, 'wx')
  try {
    await handle.writeFile(packing)
    const { size: bytes } = await handle.stat()
    const { files, unpackedBytes } = packing
    return { files, unpackedBytes, bytes }
  } catch (error) {
    await rm(file, { force: true })
    throw error
  } finally {
    await handle.close()
  }
}

/** Lets others have their turn of the event loop before each next block, which is read without a pause. */
async function* inTurns(blocks: Iterable<Block>): AsyncGenerator<Block, void, undefined> {
  for (const block of blocks) {
    yield block
    await setImmediate()
  }
}
