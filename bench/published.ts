import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from './run-results.ts'

/** The run that docs/benchmarks.md and README.md tell of: `node scripts/generate-docs.ts` makes them from it. */
const FILE = join(import.meta.dirname, 'published.json')

export function readPublished(): Run {
  return JSON.parse(readFileSync(FILE, 'utf8'))
}

/** Tells where. */
export function writePublished(run: Run): string {
  writeFileSync(FILE, `${JSON.stringify(run)}\n`)
  return FILE
}
