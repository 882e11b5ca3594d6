import { progressLine } from './report.ts'

const EVERY_MS = 5_000

/** Says every 5 s how far a download is. End it, or its timer stays. */
export class Progress {
  /** Bytes to come, where that is known. */
  total: number | undefined
  readonly #timer: NodeJS.Timeout

  constructor(traffic: { readonly bytes: number }, log: (line: string) => void) {
    const began = performance.now()
    this.#timer = setInterval(() => {
      log(progressLine(traffic.bytes, this.total, performance.now() - began))
    }, EVERY_MS)
  }

  end(): void {
    clearInterval(this.#timer)
  }
}
