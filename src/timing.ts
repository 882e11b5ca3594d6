/** Milliseconds per named stage, by the monotonic clock. */
export class Timing<Stage extends string> {
  readonly #spent = new Map<Stage, number>()

  /** Runs a stage and adds the time it took, failed or not. */
  async measure<T>(stage: Stage, run: () => Promise<T>): Promise<T> {
    const began = performance.now()
    try {
      return await run()
    } finally {
      this.#spent.set(stage, this.milliseconds(stage) + performance.now() - began)
    }
  }

  /** 0 for a stage that has not run. */
  milliseconds(stage: Stage): number {
    return this.#spent.get(stage) ?? 0
  }
}

/** Adds up the milliseconds between `start` and `stop`; what runs still is counted. */
export class Stopwatch {
  #spent = 0
  #since: number | undefined

  get ms(): number {
    return this.#spent + (this.#since === undefined ? 0 : performance.now() - this.#since)
  }

  start(): void {
    this.#since ??= performance.now()
  }

  stop(): void {
    this.#spent = this.ms
    this.#since = undefined
  }
}
