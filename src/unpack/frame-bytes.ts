/**
 * The bytes of one frame as its pieces arrive. While they lie side by side in the stream's memory they are one
 * view, without a copy; where they do not, or there are more than `holdBytes`, they are copied out.
 */
export class FrameBytes {
  readonly #holdBytes: number
  #view: Uint8Array = new Uint8Array(0)
  #copied = false
  /** Of a copy, how much is filled. */
  #length = 0

  constructor(holdBytes: number) {
    this.#holdBytes = holdBytes
  }

  get length(): number {
    return this.#length
  }

  /** Whether the stream's memory is still needed for what has been added. */
  get held(): boolean {
    return !this.#copied && this.#length > 0
  }

  add(piece: Uint8Array): void {
    const length = this.#length + piece.length
    if (this.#length === 0) this.#view = piece
    else if (!this.#copied && this.#isNext(piece)) {
      this.#view = new Uint8Array(this.#view.buffer, this.#view.byteOffset, length)
    } else this.#append(piece)
    this.#length = length
    if (!this.#copied && length > this.#holdBytes) this.#grow(length)
  }

  take(): Uint8Array {
    return this.#view.subarray(0, this.#length)
  }

  #isNext(piece: Uint8Array): boolean {
    return (
      piece.buffer === this.#view.buffer && piece.byteOffset === this.#view.byteOffset + this.#view.length
    )
  }

  #append(piece: Uint8Array): void {
    if (!this.#copied || this.#length + piece.length > this.#view.length)
      this.#grow(this.#length + piece.length)
    this.#view.set(piece, this.#length)
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, 2 * this.#view.length))
    grown.set(this.#view.subarray(0, this.#length))
    this.#view = grown
    this.#copied = true
  }
}
