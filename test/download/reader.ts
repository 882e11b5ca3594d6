import type { ByteStream } from '../../src/byte-stream.ts'

/** Reads a stream step by step, and releases what it has read, unless it is to hold it back. */
export class Reader {
  received = 0
  readonly #source: ByteStream
  readonly #bytes: AsyncIterator<Uint8Array>
  #holdsBack: boolean

  constructor(source: ByteStream, { holdsBack = false } = {}) {
    this.#source = source
    this.#bytes = source[Symbol.asyncIterator]()
    this.#holdsBack = holdsBack
  }

  /** The next piece; undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    const { done, value } = await this.#bytes.next()
    if (done) return undefined
    const piece = Buffer.from(new Uint8Array(value))
    this.received += piece.length
    if (!this.#holdsBack) this.#source.release(this.received)
    return piece
  }

  /** As many bytes as asked for, or a few more where a piece has them; fewer at the end. */
  async take(count: number): Promise<Buffer> {
    const until = this.received + count
    const pieces: Buffer[] = []
    while (this.received < until) {
      const piece = await this.next()
      if (piece === undefined) break
      pieces.push(piece)
    }
    return Buffer.concat(pieces)
  }

  rest(): Promise<Buffer> {
    return this.take(Number.POSITIVE_INFINITY)
  }

  /** Releases all that was read, and from now on what is. */
  holdBackNoMore(): void {
    this.#holdsBack = false
    this.#source.release(this.received)
  }

  async stop(): Promise<void> {
    await this.#bytes.return?.()
  }
}
