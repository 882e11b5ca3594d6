import type { Entrant } from './results.ts'
import { median } from './statistics.ts'

/** Where the action says, in a debug message, that its time went: each of its milliseconds, without the `Ms`. */
export function spentOf(stdout: string): Readonly<Record<string, number>> {
  const [, report = '{}'] = /^::debug::report (.*)$/m.exec(stdout) ?? []
  const { snapshot, ...step } = JSON.parse(report)
  const times = Object.entries<number>({ ...step, ...snapshot?.spent }).filter(([name]) =>
    name.endsWith('Ms'),
  )
  return Object.fromEntries(times.map(([name, ms]) => [name.slice(0, -'Ms'.length), ms]))
}

/** The medians of an entrant's rounds, in the order in which the action tells them; none of other programs. */
export function spentRows({ samples }: Entrant): readonly (readonly [stage: string, ms: number])[] {
  const stages = new Set(samples.flatMap(({ spent = {} }) => Object.keys(spent)))
  return [...stages].map((stage) => [stage, median(samples.flatMap(({ spent }) => spent?.[stage] ?? []))])
}
