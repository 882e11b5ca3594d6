import { availableParallelism } from 'node:os'

export interface Threads {
  /** Threads that write files. */
  readonly writers: number
  /** Frames decoded at a time, on libuv's threads. */
  readonly decoders: number
}

/** Whoever gives the download less than this wants little memory more than time. */
const SMALL_WINDOW_BYTES = 32 * 1024 * 1024

/**
 * Two writers on two cores: one takes 45 % longer for small files, three gain nothing. Each thread takes 13 MiB, so
 * there are never more than four, and only one where the download's window is small.
 */
export function threadsFor(windowBytes: number, cores = availableParallelism()): Threads {
  if (windowBytes < SMALL_WINDOW_BYTES) return { writers: 1, decoders: 1 }
  return { writers: Math.min(4, Math.max(2, cores)), decoders: 2 }
}
