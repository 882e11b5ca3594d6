import type { Contestant } from './contestants.ts'
import type { Absent, Entrant, Sample } from './results.ts'

export interface RoundsOptions {
  /** How many rounds count. */
  readonly pairs: number
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

export interface Rounds {
  readonly entrants: readonly Entrant[]
  readonly failed: readonly Absent[]
}

/**
 * Lets all run in turns, round after round, so that what changes in the machine meets all alike. The first round does
 * not count: in it memory grows and caches fill, at about twice the system time. Who fails is out from then on.
 */
export async function runRounds(contestants: readonly Contestant[], options: RoundsOptions): Promise<Rounds> {
  const { pairs, signal, log } = options
  const samples = new Map<string, Sample[]>(contestants.map(({ name }) => [name, []]))
  const failed: Absent[] = []
  for (let round = 0; round <= pairs; round++) {
    log(round === 0 ? 'warming up' : `round ${round} of ${pairs}`)
    for (const { name, run } of contestants) {
      signal.throwIfAborted()
      if (!samples.has(name)) continue
      try {
        const sample = await run(signal)
        if (round > 0) samples.get(name)?.push(sample)
      } catch (error) {
        signal.throwIfAborted()
        failed.push({ name, why: (error as Error).message })
        samples.delete(name)
      }
    }
  }
  return { entrants: [...samples].map(([name, kept]) => ({ name, samples: kept })), failed }
}
