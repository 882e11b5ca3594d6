import { availableParallelism } from 'node:os'

/**
 * Threads for writing files and for decoding frames. Two writers where there are two cores: one takes 45 % longer
 * for small files, three gain nothing there. More than four would cost memory: each holds blocks of 8 MiB.
 */
export function threads(cores = availableParallelism()): {
  readonly writers: number
  readonly decoders: number
} {
  const count = Math.min(4, Math.max(2, cores))
  return { writers: count, decoders: count }
}
