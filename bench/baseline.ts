import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatRatio } from './format.ts'
import { type CaseResult, ratiosOf } from './results.ts'
import { interquartileRange, median } from './statistics.ts'

/** A ratio of this action to a peer, and how much worse it may be by chance. */
export interface Expected {
  readonly ratio: number
  readonly noise: number
}

export interface Baseline {
  /** Of the machine that measured it: ratios depend on them. */
  readonly cores: number
  /** By case and peer, as in `quick / git fetch --depth 1`. */
  readonly ratios: Readonly<Record<string, Expected>>
}

const FILE = join(import.meta.dirname, 'baseline.json')
/**
 * Rounds that happen to agree are no promise for other runs: of five on one machine the medians went from 1.75 to 2.15.
 */
const LEAST_NOISE = 0.25

export function readBaseline(): Baseline {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Baseline
}

export function writeBaseline(baseline: Baseline): void {
  writeFileSync(FILE, `${JSON.stringify(baseline, undefined, 2)}\n`)
}

/**
 * What a run measured, as a baseline. The noise is how far the middle half of its rounds reaches: for 11 rounds
 * about three times the error of their median.
 */
export function baselineOf(result: CaseResult, ours: string, cores: number): Baseline {
  const peers = result.entrants.map(({ name }) => name).filter((name) => name !== ours)
  const ratios = peers.map((peer) => {
    const pairs = ratiosOf(result, ours, peer)
    const ratio = median(pairs)
    const noise = Math.max(interquartileRange(pairs), LEAST_NOISE * ratio)
    return [`${result.name} / ${peer}`, { ratio: rounded(ratio), noise: rounded(noise) }]
  })
  return { cores, ratios: Object.fromEntries(ratios) }
}

/** In words, one for each ratio that is worse than it may be, or could not be compared; none when all is well. */
export function regressions(now: Baseline, before: Baseline): readonly string[] {
  const elsewhere =
    now.cores === before.cores ? '' : ` (measured on ${before.cores} cores, and here are ${now.cores})`
  const names = new Set([...Object.keys(before.ratios), ...Object.keys(now.ratios)])
  return [...names].flatMap((name) => {
    const [measured, expected] = [now.ratios[name], before.ratios[name]]
    if (measured === undefined) return [`${name}: is in the baseline, and was not measured`]
    if (expected === undefined) return [`${name}: is not in the baseline (--update-baseline puts it there)`]
    const allowed = expected.ratio + expected.noise
    if (measured.ratio <= allowed) return []
    const [is, was, most] = [measured.ratio, expected.ratio, allowed].map(formatRatio)
    return [`${name}: the ratio is ${is} now, was ${was} before, and may be ${most}${elsewhere}`]
  })
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
