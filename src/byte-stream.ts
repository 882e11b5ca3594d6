/**
 * Bytes in order, each once, iterated once. A piece stays valid, and takes memory, until `release` has passed
 * its end: who stops releasing stops the stream.
 */
export interface ByteStream extends AsyncIterable<Uint8Array> {
  /** How many bytes may stay unreleased while more are asked for, without the stream coming to a halt. */
  readonly holdBytes: number
  /** Says that all bytes before this place of the stream are done with. */
  release(upTo: number): void
  /** Ends the stream with this error, and everything that runs for it. */
  cancel(reason: unknown): void
}
