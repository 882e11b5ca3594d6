import { type LargeMemory, largeMemory } from '../large-memory.ts'

/** Memory for one chunk; nothing may use it once it is given back. */
export interface Slot {
  readonly memory: Uint8Array
  readonly giveBack: () => void
}

export interface SlotSizes {
  readonly count: number
  /** Of the first chunk, which is not as large as the others. */
  readonly firstBytes: number
  /** Of all others, at most. */
  readonly bytes: number
}

/**
 * Memory for chunks. The operating system gives a page when it is first written, so the slot taken is one used
 * before, where there is one: what is resident is the most that was needed at a time. Slots taken one after the
 * other lie side by side where they can, so that what crosses from one chunk to the next is one view.
 */
export class Slots {
  readonly #memory: LargeMemory
  readonly #bytes: number
  /** Where slot 0 ends; what is in it is put at its end, next to slot 1. */
  readonly #firstEnd: number
  readonly #isTaken: boolean[]
  #last = -1
  #used = 0

  constructor({ count, firstBytes, bytes }: SlotSizes) {
    this.#firstEnd = Math.max(firstBytes, bytes)
    this.#memory = largeMemory(this.#firstEnd + (count - 1) * bytes)
    this.#bytes = bytes
    this.#isTaken = new Array<boolean>(count).fill(false)
  }

  /** A slot for so many bytes; the caller has made sure that one is free. */
  take(bytes: number): Slot {
    const next = this.#last + 1
    const slot = next < this.#used && this.#isTaken[next] === false ? next : this.#isTaken.indexOf(false)
    if (slot === -1) throw new RangeError('all slots are taken')
    this.#isTaken[slot] = true
    this.#last = slot
    this.#used = Math.max(this.#used, slot + 1)
    const start = slot === 0 ? this.#firstEnd - bytes : this.#firstEnd + (slot - 1) * this.#bytes
    return {
      memory: this.#memory.bytes.subarray(start, start + bytes),
      giveBack: () => {
        this.#isTaken[slot] = false
      },
    }
  }

  /** Gives the memory back, of which nothing is used any more. */
  free(): void {
    this.#memory.giveBack()
  }
}
