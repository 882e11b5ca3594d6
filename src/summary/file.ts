import { appendFileSync } from 'node:fs'
import type { Environment } from '../environment.ts'
import { describeError } from '../errors.ts'
import type { Inputs } from '../inputs.ts'
import type { Report } from '../report/report.ts'
import { reasonsOf, summaryOf } from './summary.ts'

/** Where the runner takes the summary from, and who is told where it could not be written. */
interface Page {
  readonly env: Environment
  readonly log: (line: string) => void
}

/** Adds the step to the job's summary, where it is wanted and the runner has one. Never throws. */
export function tellSummary(report: Report, when: Inputs['summary'], { env, log }: Page): void {
  const file = env.GITHUB_STEP_SUMMARY ?? ''
  const isWanted = when === 'always' || (when === 'auto' && reasonsOf(report).length > 0)
  if (file === '' || !isWanted) return
  try {
    appendFileSync(file, summaryOf(report))
  } catch (error) {
    log(`the job's summary could not be written: ${describeError(error)}`)
  }
}
