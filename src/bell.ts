/** A condition variable for one thread: `wait` resolves at the next `ring`; look at your condition again then. */
export class Bell {
  #waiting: (() => void)[] = []

  ring(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }
}
