import { readdirSync } from 'node:fs'

const REPORT = /^git-snapshot-report-[0-9a-f-]{36}\.json$/

/** What steps have left in the runner's temporary directory, but for the reports that later steps may read. */
export function leftIn(temp: string): readonly string[] {
  return readdirSync(temp).filter((name) => !REPORT.test(name))
}
