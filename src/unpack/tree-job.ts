/** Files, or parts of files, that lie in one block; sent to a worker together with the block's memory. */
export interface WriteJob {
  readonly block: Uint8Array
  /** Paths below the root, joined by NUL, one for each part; latin1, one character for each byte. */
  readonly paths: string
  /** For each part, PART_FIELDS numbers: see `Part`. */
  readonly parts: Float64Array
  /** The repository's object format. */
  readonly hash: 'sha1' | 'sha256'
}

/** The numbers of one part, by their place in `WriteJob.parts`. */
export const PART = { file: 0, start: 1, end: 2, position: 3, size: 4, flags: 5 } as const
export const PART_FIELDS = 6

export const EXECUTABLE = 1
/** A file of the work tree, whose index record is wanted. */
export const TRACKED = 2

/** What a worker is started with. */
export interface WorkerOptions {
  /** The root of the tree, latin1 as paths are. */
  readonly root: string
  /** For every file, in seconds since 1970. */
  readonly mtime: number
}

/** A worker's answer to each job. */
export type JobResult =
  | {
      readonly kind: 'written'
      /** The finished tracked files' numbers. */
      readonly files: Uint32Array
      /** For each, the bytes its git index entry begins with: stat data, mode, object id. */
      readonly records: Uint8Array
      readonly recordBytes: number
    }
  | { readonly kind: 'failed'; readonly path: string; readonly code: string; readonly message: string }
