/** What a step does, in words of people. They overlap: git begins while files are still written. */
export type StageName =
  | 'find commit'
  | 'reuse'
  | 'open'
  | 'download'
  | 'unpack'
  | 'git'
  | 'index'
  | 'freshen'
  | 'fetch'
  | 'check out'
  | 'lfs'
  | 'submodules'
  | 'move into place'

/** When a stage ran, in milliseconds since the step began. A second attempt is a span of its own. */
export interface Span {
  readonly stage: StageName
  readonly startMs: number
  readonly endMs: number
}

/** How long a stage ran in milliseconds, all its spans together. */
export function lengthOf(stage: StageName, spans: readonly Span[]): number {
  return spans.reduce((sum, span) => (span.stage === stage ? sum + span.endMs - span.startMs : sum), 0)
}

/** Told of stages while they run. */
export interface StageWatch {
  begun(stage: StageName): void
  /** `what` came of it, where there is something to say: of what has failed, that. */
  ended(span: Span, what: string | undefined): void
}

/** When the stages of one step ran, by the monotonic clock. */
export class Timeline {
  readonly #began = performance.now()
  readonly #watch: StageWatch
  readonly #spans: Span[] = []

  constructor(watch: StageWatch) {
    this.#watch = watch
  }

  /** Those that have ended, by their beginning. */
  get spans(): readonly Span[] {
    return this.#spans.toSorted((a, b) => a.startMs - b.startMs)
  }

  /** Since the step began. */
  get elapsedMs(): number {
    return performance.now() - this.#began
  }

  /** Of all spans of a stage; 0 for one that has not ended. */
  milliseconds(stage: StageName): number {
    return lengthOf(stage, this.#spans)
  }

  /** Runs a stage, failed or not. */
  async measure<T>(
    stage: StageName,
    run: () => Promise<T>,
    whatOf?: (result: T) => string | undefined,
  ): Promise<T> {
    const end = this.begin(stage)
    try {
      const result = await run()
      end(whatOf?.(result))
      return result
    } catch (error) {
      end('failed')
      throw error
    }
  }

  /** Begins a stage that ends when the result is called for the first time. */
  begin(stage: StageName): (what?: string) => void {
    const startMs = this.elapsedMs
    let isOver = false
    this.#watch.begun(stage)
    return (what) => {
      if (isOver) return
      isOver = true
      const span = { stage, startMs, endMs: this.elapsedMs }
      this.#spans.push(span)
      this.#watch.ended(span, what)
    }
  }
}
