/** What a candidate is begun with. */
export interface Lap {
  /** Aborted when another one was faster, or the whole is cancelled. */
  readonly signal: AbortSignal
  /** Says that it goes on, but after a failure: the next one is not to wait for it. */
  readonly falter: () => void
}

export type Candidate<T> = (lap: Lap) => Promise<T>

/** Why one more candidate is begun: what came of the one before it. */
export type Setback =
  | { readonly kind: 'slow' }
  | { readonly kind: 'faltering' }
  | { readonly kind: 'failed'; readonly error: unknown }

export interface FirstGoodOptions {
  /** How long a candidate that says nothing has to itself. */
  readonly headStartMs: number
  readonly wait: (delayMs: number, signal: AbortSignal) => Promise<void>
  readonly signal: AbortSignal
  /** Told before one more is begun. */
  readonly onNext: (index: number, setback: Setback) => void
}

/** What each candidate failed with, in their order. */
export class NoneGood extends Error {
  override readonly name = 'NoneGood'
  readonly errors: readonly unknown[]

  constructor(errors: readonly unknown[]) {
    super('none was good')
    this.errors = errors
  }
}

/**
 * What the first candidate to succeed gives, in the manner of RFC 8305: each next one is begun when the one before meets a
 * setback, or has not ended within its head start. All but the one that won have ended when it resolves. Rejects with
 * NoneGood, or with the reason once aborted.
 */
export async function firstGood<T>(
  candidates: readonly Candidate<T>[],
  options: FirstGoodOptions,
): Promise<T> {
  const { signal, onNext } = options
  const runs: Run<T>[] = []
  const won = Promise.withResolvers<Run<T>>()
  let winner: Run<T> | undefined
  try {
    for (const [index, candidate] of candidates.entries()) {
      const run = new Run(candidate, signal)
      runs.push(run)
      run.result.then(
        () => won.resolve(run),
        () => {},
      )
      if (index + 1 === candidates.length) break
      const news = await firstNews(run, won.promise, options)
      signal.throwIfAborted()
      if (news === 'won') break
      onNext(index + 1, news)
    }
    winner = await Promise.race([won.promise, allFailed(runs)])
    signal.throwIfAborted()
    if (winner === undefined) throw new NoneGood(await Promise.all(runs.map((run) => run.failure)))
    return await winner.result
  } finally {
    for (const run of runs) if (run !== winner) run.over.abort()
    await Promise.allSettled(runs.map((run) => run.result))
  }
}

/** One candidate, begun. */
class Run<T> {
  readonly over = new AbortController()
  readonly result: Promise<T>
  /** What it failed with; pending where it succeeds. */
  readonly failure: Promise<unknown>
  /** What first went wrong with it; pending where nothing does. */
  readonly setback: Promise<Setback>

  constructor(candidate: Candidate<T>, signal: AbortSignal) {
    const setback = Promise.withResolvers<Setback>()
    const failure = Promise.withResolvers<unknown>()
    const falter = (): void => setback.resolve({ kind: 'faltering' })
    this.setback = setback.promise
    this.failure = failure.promise
    this.result = candidate({ signal: AbortSignal.any([signal, this.over.signal]), falter })
    this.result.catch((error: unknown) => {
      failure.resolve(error)
      setback.resolve({ kind: 'failed', error })
    })
  }
}

async function allFailed<T>(runs: readonly Run<T>[]): Promise<undefined> {
  await Promise.all(runs.map((run) => run.failure))
}

/** Why nobody is to wait any longer before the next candidate begins. */
async function firstNews<T>(
  run: Run<T>,
  won: Promise<unknown>,
  { headStartMs, wait, signal }: FirstGoodOptions,
): Promise<'won' | Setback> {
  const enough = new AbortController()
  const slow = wait(headStartMs, AbortSignal.any([signal, enough.signal])).catch(() => {})
  try {
    return await Promise.race([
      won.then(() => 'won' as const),
      run.setback,
      slow.then(() => ({ kind: 'slow' }) as const),
    ])
  } finally {
    enough.abort()
    await slow
  }
}
