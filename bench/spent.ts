import type { Entrant } from './results.ts'
import { median } from './statistics.ts'

type Numbers = Readonly<Record<string, number>>
type Told = { readonly snapshot?: { readonly spent: Numbers } }

/** Where the action's report says that its time went: each of its milliseconds, without the `Ms`. */
export function spentOf(report: unknown): Readonly<Record<string, number>> {
  const { snapshot, ...step } = (report ?? {}) as Told
  const times = Object.entries<number>({ ...(step as Numbers), ...snapshot?.spent }).filter(([name]) =>
    name.endsWith('Ms'),
  )
  return Object.fromEntries(times.map(([name, ms]) => [name.slice(0, -'Ms'.length), ms]))
}

/** The medians of an entrant's rounds, in the order in which the action tells them; none of other programs. */
export function spentRows({ samples }: Entrant): readonly (readonly [stage: string, ms: number])[] {
  const stages = new Set(samples.flatMap(({ spent = {} }) => Object.keys(spent)))
  return [...stages].map((stage) => [stage, median(samples.flatMap(({ spent }) => spent?.[stage] ?? []))])
}
