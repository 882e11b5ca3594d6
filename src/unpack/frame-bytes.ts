/** The bytes of one frame, while its pieces lie side by side in memory: then they are one view, without a copy. */
export class FrameBytes {
  #view: Uint8Array = new Uint8Array(0)

  get length(): number {
    return this.#view.length
  }

  get view(): Uint8Array {
    return this.#view
  }

  /** Whether the piece could be added: it is the first, or lies right behind what there is. */
  add(piece: Uint8Array): boolean {
    const { buffer, byteOffset, length } = this.#view
    if (length === 0) this.#view = piece
    else if (piece.length === 0) return true
    else if (piece.buffer !== buffer || piece.byteOffset !== byteOffset + length) return false
    else this.#view = new Uint8Array(buffer, byteOffset, length + piece.length)
    return true
  }
}
