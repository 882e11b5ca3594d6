import type { DiskFailure } from './disk-error.ts'

/** The memory that a batch of files travels in to a writer and back. */
export const BLOCK_BYTES = 1024 * 1024

/** Files that lie in one block, or a part of one larger file; the block's memory goes to the writer with it. */
export interface WriteJob {
  readonly block: Uint8Array<ArrayBuffer>
  /** Paths below the root, joined by NUL, one for each part; latin1, one character for each byte. */
  readonly paths: string
  /** For each part, PART_FIELDS numbers. */
  readonly parts: Float64Array<ArrayBuffer>
  /** The repository's object format. */
  readonly hash: 'sha1' | 'sha256'
}

/**
 * The numbers of one part: the file's number, where its bytes are in the block, where they go in the file, the
 * file's size, and flags. Before the bytes of a whole tracked file stands what git hashes before them.
 */
export const PART = { file: 0, start: 1, end: 2, position: 3, size: 4, flags: 5 } as const
export const PART_FIELDS = 6

export const EXECUTABLE = 1
/** A file of the work tree, whose index record is wanted. */
export const TRACKED = 2

/** What git hashes before the content of a file. */
export function blobHeader(size: number): string {
  return `blob ${size}\0`
}

/** What a writer is started with. */
export interface WorkerOptions {
  /** The root of the tree, latin1 as paths are. */
  readonly root: string
  /** For every file, in seconds since 1970. */
  readonly mtime: number
}

/** A writer's answer to each job, which brings the block back. */
export type JobResult =
  | {
      readonly kind: 'written'
      readonly block: Uint8Array<ArrayBuffer>
      /** The finished tracked files' numbers. */
      readonly files: Uint32Array<ArrayBuffer>
      /** For each, the bytes its git index entry begins with: stat data, mode, object id. */
      readonly records: Uint8Array<ArrayBuffer>
      readonly recordBytes: number
      /** Whether this writer has left out a tracked file, now or before, as a file had its place. */
      readonly hasFolded: boolean
    }
  | ({ readonly kind: 'failed' } & DiskFailure)
