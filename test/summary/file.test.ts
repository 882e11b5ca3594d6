import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Inputs } from '../../src/inputs.ts'
import type { Report } from '../../src/report/report.ts'
import { tellSummary } from '../../src/summary/file.ts'
import { summaryOf } from '../../src/summary/summary.ts'
import { report } from '../support/sample-report.ts'
import { temporary } from '../support/temporary.ts'

const retried: Report = { ...report, retries: 1 }

/** What is in the summary after one step that was to tell it, and what was logged. */
function told(about: Report, when: Inputs['summary']): string {
  const file = join(temporary(), 'summary')
  writeFileSync(file, 'before\n')
  const lines: string[] = []
  tellSummary(about, when, { env: { GITHUB_STEP_SUMMARY: file }, log: (line) => lines.push(line) })
  expect(lines).toEqual([])
  return readFileSync(file, 'utf8')
}

describe("the file of a job's summary", () => {
  it('is appended to, always or where there is something to tell', () => {
    expect(told(report, 'always')).toBe(`before\n${summaryOf(report)}`)
    expect(told(retried, 'auto')).toBe(`before\n${summaryOf(retried)}`)
  })

  it('stays as it is where there is nothing to tell, or nobody wants to be told', () => {
    expect(told(report, 'auto')).toBe('before\n')
    expect(told(retried, 'never')).toBe('before\n')
  })

  it.each([{}, { GITHUB_STEP_SUMMARY: '' }])('may not be there, and nobody hears of it: %j', (env) => {
    const lines: string[] = []
    tellSummary(report, 'always', { env, log: (line) => lines.push(line) })
    expect(lines).toEqual([])
  })

  it('that cannot be written is one line', () => {
    const directory = join(temporary(), 'directory')
    mkdirSync(directory)
    const lines: string[] = []
    const env = { GITHUB_STEP_SUMMARY: directory }
    tellSummary(report, 'always', { env, log: (line) => lines.push(line) })
    expect(lines).toEqual([expect.stringMatching(/^the job's summary could not be written: ./)])
  })
})
