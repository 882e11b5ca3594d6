import { formatMegabytes, formatRate, formatSeconds } from './amounts.ts'

const EVERY_MS = 5_000
/** What is left is told by the speed of so many times as long. */
const RECENT = 3

export type ProgressPart = Pick<Progress, 'begin' | 'end' | 'expect' | 'part'>

interface Sample {
  readonly bytes: number
  readonly atMs: number
}

/** Says every 5 s how far a download is. What has begun has to be ended, or its timer stays. */
export class Progress {
  readonly #traffic: { readonly bytes: number }
  readonly #log: (line: string) => void
  #timer: NodeJS.Timeout | undefined
  /** The beginning, and after it the last ones: at most RECENT + 1. */
  #samples: Sample[] = []
  #total: number | undefined
  /** Whether the last line said so: it is said once. */
  #hasAll = false

  constructor(traffic: { readonly bytes: number }, log: (line: string) => void) {
    this.#traffic = traffic
    this.#log = log
  }

  /** What came before does not count. */
  begin(): void {
    this.end()
    this.#total = undefined
    const first = this.#sample()
    this.#samples = [first]
    this.#hasAll = false
    this.#timer = setInterval(() => this.#say(first), EVERY_MS)
  }

  end(): void {
    clearInterval(this.#timer)
  }

  /** So many bytes are to come, beside those that were said before. */
  expect(bytes: number | undefined): void {
    if (bytes !== undefined) this.#total = (this.#total ?? 0) + bytes
  }

  /** That of a download which is a part of this one, and neither begins nor ends it. */
  part(): ProgressPart {
    const part: ProgressPart = {
      begin: () => {},
      end: () => {},
      expect: (bytes) => this.expect(bytes),
      part: () => part,
    }
    return part
  }

  #say(first: Sample): void {
    const now = this.#sample()
    const recent = this.#samples[0] ?? first
    this.#samples = [...this.#samples, now].slice(-RECENT)
    const hadAll = this.#hasAll
    this.#hasAll = this.#total !== undefined && now.bytes - first.bytes >= this.#total
    if (hadAll && this.#hasAll) return
    this.#log(
      progressLine({
        bytes: now.bytes - first.bytes,
        total: this.#total,
        elapsedMs: now.atMs - first.atMs,
        recent: { bytes: now.bytes - recent.bytes, ms: now.atMs - recent.atMs },
      }),
    )
  }

  #sample(): Sample {
    return { bytes: this.#traffic.bytes, atMs: performance.now() }
  }
}

export interface Received {
  readonly bytes: number
  readonly total: number | undefined
  readonly elapsedMs: number
  /** What came last, and in which time. */
  readonly recent: { readonly bytes: number; readonly ms: number }
}

/** What has come so far, for a person who waits. */
export function progressLine({ bytes, total, elapsedMs, recent }: Received): string {
  if (bytes === 0) return `Waiting for the snapshot's first bytes, for ${formatSeconds(elapsedMs)}`
  const rate = formatRate(recent.bytes, recent.ms)
  if (total === undefined || total === 0) return `Received ${formatMegabytes(bytes)} (${rate})`
  if (bytes >= total) return `Received all ${formatMegabytes(total)}; files and git are at work`
  const percent = Math.floor((bytes / total) * 100)
  const left = recent.bytes === 0 ? '' : `, ${formatLeft(((total - bytes) / recent.bytes) * recent.ms)} left`
  return `Received ${formatMegabytes(bytes)} of ${formatMegabytes(total)} (${percent} %, ${rate}${left})`
}

function formatLeft(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`
}
