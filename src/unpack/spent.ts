import type { Stopwatch } from '../timing.ts'

/** Where the time of unpacking went, in milliseconds. What runs beside it, decoding and writing, is not in it. */
export interface Spent {
  /** Waiting for bytes of the snapshot. */
  readonly networkMs: number
  /** Waiting for a frame to be decoded, when its bytes were there. */
  readonly decodeMs: number
  /** Reading the archive. */
  readonly parseMs: number
  /** Waiting for the threads that write files. */
  readonly filesMs: number
}

/** Who is waited for meanwhile, if anybody is. */
interface Waits {
  readonly network: Stopwatch
  readonly files: Stopwatch
}

/** Tells apart what the one loop through the archive spends its time with. */
export class SpentClock {
  readonly #waits: Waits
  #at = performance.now()
  #network = 0
  #files = 0
  #spent: Spent = { networkMs: 0, decodeMs: 0, parseMs: 0, filesMs: 0 }

  constructor(waits: Waits) {
    this.#waits = waits
  }

  get spent(): Spent {
    return this.#spent
  }

  /** Says that a block has been waited for since the last call. */
  gotBlock(): void {
    const { ms, networkMs } = this.#lap()
    const { networkMs: network, decodeMs } = this.#spent
    this.#spent = { ...this.#spent, networkMs: network + networkMs, decodeMs: decodeMs + ms - networkMs }
  }

  /** Says that a block has been read since the last call. */
  readBlock(): void {
    const { ms, filesMs } = this.#lap()
    const { parseMs, filesMs: files } = this.#spent
    this.#spent = { ...this.#spent, parseMs: parseMs + ms - filesMs, filesMs: files + filesMs }
  }

  #lap(): { readonly ms: number; readonly networkMs: number; readonly filesMs: number } {
    const [at, network, files] = [performance.now(), this.#waits.network.ms, this.#waits.files.ms]
    const lap = { ms: at - this.#at, networkMs: network - this.#network, filesMs: files - this.#files }
    this.#at = at
    this.#network = network
    this.#files = files
    return lap
  }
}
