import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Machine } from './machine.ts'
import { type Absent, type CaseResult, summariesOf, verdictsOf } from './results.ts'

/** All that a run came to. */
export interface Run {
  /** As in ISO 8601. */
  readonly date: string
  readonly command: string
  readonly machine: Machine
  /** A warning where it had other things to do before. */
  readonly busy: string | undefined
  /** Where files were written, in words. */
  readonly place: string
  readonly cases: readonly CaseResult[]
  /** Cases that could not be run here. */
  readonly skipped: readonly Absent[]
  /** Cases that came to no result. */
  readonly failed: readonly Absent[]
}

const root = join(import.meta.dirname, '..')

/** Writes every sample, and what was made of them; tells where. */
export function writeJson(run: Run, file: string | undefined): string {
  const path = file ?? join(root, 'bench', 'results', `${run.date.replaceAll(':', '-')}.json`)
  const cases = run.cases.map((result) => {
    return { ...result, summaries: summariesOf(result), verdicts: verdictsOf(result) }
  })
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify({ ...run, cases }, undefined, 2)}\n`)
  return path
}
