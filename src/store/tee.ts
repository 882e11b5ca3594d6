import type { ByteStream } from '../byte-stream.ts'
import type { Backlog } from './backlog.ts'

/**
 * The same stream, of which every piece also goes into a backlog. Memory is given back when both are done with it:
 * a disk that is slow slows the stream down, and never makes it larger.
 */
export function tee(stream: ByteStream, backlog: Backlog): ByteStream {
  let released = 0
  const relay = (): void => {
    const upTo = Math.min(released, backlog.doneUpTo)
    if (upTo > 0) stream.release(upTo)
  }
  backlog.onDone = relay
  return {
    get holdBytes() {
      return stream.holdBytes
    },
    release: (upTo) => {
      released = Math.max(released, upTo)
      relay()
    },
    cancel: (reason) => stream.cancel(reason),
    [Symbol.asyncIterator]: () => passed(stream, backlog),
  }
}

async function* passed(stream: ByteStream, backlog: Backlog): AsyncGenerator<Uint8Array, void, undefined> {
  let isWhole = false
  try {
    for await (const piece of stream) {
      backlog.push(piece)
      yield piece
    }
    isWhole = true
  } finally {
    if (isWhole) backlog.end()
    else backlog.drop()
  }
}
