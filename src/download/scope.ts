import type { ChunkLimits } from '../http/ranges.ts'
import type { Source } from './fetch-range.ts'
import type { Wake } from './landing.ts'

/** What the download gives to the fetch at its heart. */
export interface Scope extends Wake {
  readonly source: Source
  readonly limits: ChunkLimits
  readonly cancel: (reason: unknown) => void
}

/** One way to get an object's bytes in order. */
export interface Fetch {
  readonly holdBytes: number
  bytes(): AsyncIterable<Uint8Array>
  release(upTo: number): void
}
