import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Report } from './report.ts'

/** Raised when a field goes, or means something else; docs/report.md describes them. */
const VERSION = 1

/** Writes a report as JSON into a file of its own in this directory, and resolves its path. */
export async function writeReport(report: Report, directory: string): Promise<string> {
  const path = join(directory, `git-snapshot-report-${randomUUID()}.json`)
  await writeFile(path, `${JSON.stringify({ version: VERSION, ...report }, rounded, 2)}\n`)
  return path
}

/** Times to a tenth of a millisecond. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 10) / 10 : value
}
