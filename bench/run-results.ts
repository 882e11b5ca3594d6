import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BadFlags } from './flags.ts'
import type { Machine } from './machine.ts'
import { benchmarksPage, readmePart, withPart } from './markdown-report.ts'
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

export function writePage(run: Run): string {
  const path = join(root, 'docs', 'benchmarks.md')
  writeFileSync(path, benchmarksPage(run))
  return path
}

/** Refuses where README.md has no place for its part: better before a long run than after it. */
export function checkReadme(): void {
  try {
    withPart(readFileSync(join(root, 'README.md'), 'utf8'), '')
  } catch (error) {
    throw new BadFlags(`--readme makes no sense: ${(error as Error).message}`)
  }
}

export function writeReadme(run: Run): string {
  const path = join(root, 'README.md')
  writeFileSync(path, withPart(readFileSync(path, 'utf8'), readmePart(run)))
  return path
}
