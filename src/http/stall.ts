/** What counts as no longer moving. */
export interface StallLimits {
  /** How long progress may stay below the floor. */
  readonly idleMs: number
  /** The floor: bytes per second, averaged over `idleMs`. */
  readonly bytesPerSecond: number
}

const TICKS = 6

/**
 * Watches one reply's progress, not silence alone: a server that drips is as stalled as one that is silent.
 * Time during which we do not read (`pause`) is not held against the server. Pause it at the end, or its timer stays.
 */
export class StallWatch {
  readonly #limits: StallLimits
  readonly #onStall: (why: string) => void
  #timer: NodeJS.Timeout | undefined
  /** The bytes of the latest ticks, the current one last. */
  #ticks: number[] = [0]

  constructor(limits: StallLimits, onStall: (why: string) => void) {
    this.#limits = limits
    this.#onStall = onStall
    this.resume()
  }

  progress(bytes: number): void {
    this.#ticks.push((this.#ticks.pop() ?? 0) + bytes)
  }

  pause(): void {
    clearInterval(this.#timer)
  }

  /** Begins anew, with nothing held against the server. */
  resume(): void {
    this.pause()
    this.#ticks = [0]
    this.#timer = setInterval(() => this.#tick(), this.#limits.idleMs / TICKS)
  }

  #tick(): void {
    if (this.#ticks.length === TICKS) {
      const seconds = this.#limits.idleMs / 1000
      const bytes = this.#ticks.reduce((sum, tick) => sum + tick, 0)
      if (bytes < Math.max(1, this.#limits.bytesPerSecond * seconds)) {
        this.pause()
        this.#onStall(bytes === 0 ? `no byte for ${seconds} s` : `only ${bytes} bytes in ${seconds} s`)
      }
      this.#ticks.shift()
    }
    this.#ticks.push(0)
  }
}
