import { median, pairwiseRatios } from './statistics.ts'

/** What one run of one contestant came to; what could not be measured, or does not apply, is missing. */
export interface Sample {
  readonly wallMs?: number
  /** User and system time of all its processes. */
  readonly cpuMs?: number
  /** The most memory that one of its processes had. */
  readonly peakBytes?: number
  /** Where the time went, by the action's own word. */
  readonly spent?: Readonly<Record<string, number>>
}

export type Quantity = 'wallMs' | 'cpuMs' | 'peakBytes'

export interface Entrant {
  readonly name: string
  /** One for each round, the first round left out. */
  readonly samples: readonly Sample[]
}

/** Whoever took no part, or not to the end, and why. */
export interface Absent {
  readonly name: string
  readonly why: string
}

/** What an entrant must reach: a value, or a ratio to the first of those named that took part. */
export interface Goal {
  readonly of: string
  readonly to?: readonly string[]
  readonly atMost: number
}

export interface CaseResult {
  readonly name: string
  readonly title: string
  /** What was measured on, in lines for people. */
  readonly facts: readonly string[]
  /** What is compared. */
  readonly quantity: Quantity
  /** Whom ratios are to; undefined where each value stands for itself. */
  readonly reference: string | undefined
  readonly entrants: readonly Entrant[]
  readonly goals: readonly Goal[]
  readonly skipped: readonly Absent[]
  readonly failed: readonly Absent[]
}

/** An entrant's numbers: medians, and the most memory of all rounds. */
export interface Summary {
  readonly name: string
  readonly value: number
  readonly least: number
  readonly most: number
  /** The median of the ratios round by round. */
  readonly ratio: number | undefined
  readonly cpuMs: number | undefined
  readonly peakBytes: number | undefined
}

export interface Verdict {
  readonly goal: Goal
  /** Whom the goal turned out to be relative to. */
  readonly to: string | undefined
  readonly value: number
  readonly isMet: boolean
}

export function summariesOf(result: CaseResult): readonly Summary[] {
  return result.entrants.map((entrant) => {
    const values = valuesOf(entrant, result.quantity)
    const peaks = valuesOf(entrant, 'peakBytes')
    const cpu = valuesOf(entrant, 'cpuMs')
    return {
      name: entrant.name,
      value: median(values),
      least: Math.min(...values),
      most: Math.max(...values),
      ratio: result.reference === undefined ? undefined : ratioOf(result, entrant.name, result.reference),
      cpuMs: cpu.length === 0 ? undefined : median(cpu),
      peakBytes: peaks.length === 0 ? undefined : Math.max(...peaks),
    }
  })
}

/** The ratios round by round; none where one of the two took no part. */
export function ratiosOf(result: CaseResult, of: string, to: string): readonly number[] {
  const [one, other] = [of, to].map((name) => result.entrants.find((entrant) => entrant.name === name))
  if (one === undefined || other === undefined) return []
  return pairwiseRatios(valuesOf(one, result.quantity), valuesOf(other, result.quantity))
}

/** The goals that could be judged. */
export function verdictsOf(result: CaseResult): readonly Verdict[] {
  const took = (name: string): boolean => result.entrants.some((entrant) => entrant.name === name)
  return result.goals.flatMap((goal) => {
    const to = goal.to?.find(took)
    if (!took(goal.of) || (goal.to !== undefined && to === undefined)) return []
    const value = to === undefined ? worstOf(result, goal.of) : (ratioOf(result, goal.of, to) ?? Number.NaN)
    return [{ goal, to, value, isMet: value <= goal.atMost }]
  })
}

/** The median of the ratios round by round; undefined where one of the two took no part. */
export function ratioOf(result: CaseResult, of: string, to: string): number | undefined {
  const ratios = ratiosOf(result, of, to)
  return ratios.length === 0 ? undefined : median(ratios)
}

/** Memory may at no time be more than a goal allows; times are judged by their median. */
function worstOf({ entrants, quantity }: CaseResult, name: string): number {
  const values = entrants
    .filter((entrant) => entrant.name === name)
    .flatMap((entrant) => valuesOf(entrant, quantity))
  return quantity === 'peakBytes' ? Math.max(...values) : median(values)
}

function valuesOf({ samples }: Entrant, quantity: Quantity): readonly number[] {
  return samples.flatMap((sample) => sample[quantity] ?? [])
}
