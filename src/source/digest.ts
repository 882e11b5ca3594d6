import { createHash } from 'node:crypto'
import type { ByteStream } from '../byte-stream.ts'
import { ActionError } from '../errors.ts'

/** What a stream is to be. */
export interface Expected {
  /** Of all its bytes, in lower-case hex. */
  readonly sha256: string
  /** Where it comes from, for a message. */
  readonly place: string
}

/** The same stream, which at its end throws DIGEST_MISMATCH unless all its bytes together have the digest. */
export function withDigest(stream: ByteStream, expected: Expected): ByteStream {
  return {
    get holdBytes() {
      return stream.holdBytes
    },
    release: (upTo) => stream.release(upTo),
    cancel: (reason) => stream.cancel(reason),
    [Symbol.asyncIterator]: () => checked(stream, expected),
  }
}

async function* checked(
  stream: ByteStream,
  { sha256, place }: Expected,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash('sha256')
  for await (const bytes of stream) {
    hash.update(bytes)
    yield bytes
  }
  const seen = hash.digest('hex')
  if (seen === sha256) return
  throw new ActionError(
    'DIGEST_MISMATCH',
    `${place} has the SHA-256 digest ${seen}, but the input sha256 is ${sha256}: ` +
      'it is not the snapshot that was meant; update the input if it was replaced on purpose',
  )
}
