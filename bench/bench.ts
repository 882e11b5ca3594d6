import { NoPackages } from '../test/support/big-repo.ts'
import type { Contestant } from './contestants.ts'
import type { DataStore } from './data.ts'
import type { Absent, CaseResult, Goal, Quantity } from './results.ts'
import { type RoundsOptions, runRounds } from './rounds.ts'
import { type Servers, Unavailable } from './servers.ts'

/** What all cases of a run share. */
export interface Bench {
  readonly data: DataStore
  readonly servers: Servers
}

/** A case that is ready to run. */
export interface Prepared {
  readonly facts: readonly string[]
  readonly quantity: Quantity
  readonly reference: string | undefined
  readonly contestants: readonly Contestant[]
  readonly goals: readonly Goal[]
  readonly skipped: readonly Absent[]
}

export interface Case {
  readonly name: string
  readonly title: string
  /** Rejects with Unavailable where this machine lacks what the case needs. */
  readonly prepare: (bench: Bench) => Promise<Prepared>
}

/** What the cases of a run came to. */
export interface Outcome {
  readonly cases: CaseResult[]
  /** What this machine has not the means for. */
  readonly skipped: Absent[]
  readonly failed: Absent[]
}

/** Prepares a case, lets its contestants run, and adds to the outcome. A case that fails does not take the others along. */
export async function runCase(
  { name, title, prepare }: Case,
  bench: Bench,
  outcome: Outcome,
  options: RoundsOptions,
): Promise<void> {
  try {
    options.log('preparing')
    const { contestants, ...prepared } = await prepare(bench)
    const rounds = await runRounds(contestants, options)
    outcome.cases.push({ name, title, ...prepared, ...rounds })
  } catch (error) {
    options.signal.throwIfAborted()
    const isMissing = error instanceof Unavailable || error instanceof NoPackages
    outcome[isMissing ? 'skipped' : 'failed'].push({ name, why: (error as Error).message })
  }
}
