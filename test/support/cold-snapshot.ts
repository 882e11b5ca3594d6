/** The pieces of a generation that is going on, for any number of readers. All are kept until its end. */
export class ColdSnapshot {
  readonly #pieces: Buffer[] = []
  #next = Promise.withResolvers<void>()
  #ended = false
  /** The first piece is there: the clone is made and the archive begun. */
  readonly started = this.#next.promise

  add(piece: Buffer): void {
    this.#pieces.push(piece)
    this.#next.resolve()
    this.#next = Promise.withResolvers<void>()
  }

  end(error?: unknown): void {
    this.#ended = true
    this.#next.promise.catch(() => {}) // a generation may fail without a reader
    if (error === undefined) this.#next.resolve()
    else this.#next.reject(error)
  }

  async *follow(): AsyncGenerator<Buffer> {
    for (let at = 0; ; ) {
      const piece = this.#pieces[at]
      if (piece !== undefined) {
        yield piece
        at++
        continue
      }
      await this.#next.promise
      if (this.#ended && at === this.#pieces.length) return
    }
  }
}
