// Writes docs/faults.md from vitest's JSON report: `npm run faults`. With --check it only compares, all but the
// seconds. Fails where an id of test/fault-ids.ts has no passed test.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { table } from '../src/summary/markdown.ts'
import { FAULT_ROWS, type FaultRow } from '../test/fault-ids.ts'

/** What of vitest's JSON report is read. */
export interface TestReport {
  readonly testResults: readonly { readonly assertionResults: readonly TestResult[] }[]
}

export interface TestResult {
  readonly ancestorTitles: readonly string[]
  readonly title: string
  readonly status: string
  /** In milliseconds; missing where the test did not run. */
  readonly duration?: number | null
}

interface Proof {
  passed: number
  failed: number
  ms: number
}

/** What the tests of each id came to, by id with and without its letter. */
export type Proofs = ReadonlyMap<string, Readonly<Proof>>

const IDS = /^[FT]\d+[a-z]?(?:, [FT]\d+[a-z]?)*(?=: )/

/** The ids that a test's name, or that of a group around it, begins with. */
function idsOf({ ancestorTitles, title }: TestResult): ReadonlySet<string> {
  const ids = [...ancestorTitles, title].flatMap((name) => IDS.exec(name)?.[0].split(', ') ?? [])
  return new Set(ids.flatMap((id) => [id, id.replace(/[a-z]$/, '')]))
}

export function proofsOf({ testResults }: TestReport): Proofs {
  const proofs = new Map<string, Proof>()
  for (const test of testResults.flatMap((file) => file.assertionResults)) {
    for (const id of idsOf(test)) {
      const proof = proofs.get(id) ?? { passed: 0, failed: 0, ms: 0 }
      if (test.status === 'passed') proof.passed += 1
      if (test.status === 'failed') proof.failed += 1
      proof.ms += test.duration ?? 0
      proofs.set(id, proof)
    }
  }
  return proofs
}

/** Why the tests do not prove the rows: ids without a passed test, with a failed one, and unknown ones. */
export function complaints(rows: readonly FaultRow[], proofs: Proofs): readonly string[] {
  const wanted = rows.flatMap(({ id, letters }) => [id, ...letters.map((letter) => id + letter)])
  const known = new Set(rows.map(({ id }) => id))
  const unknown = [...proofs.keys()].filter((id) => !known.has(id.replace(/[a-z]$/, '')))
  return [
    ...wanted.filter((id) => !proofs.get(id)?.passed).map((id) => `${id} has no passed test`),
    ...wanted.filter((id) => proofs.get(id)?.failed).map((id) => `${id} has a failed test`),
    ...unknown.map((id) => `${id} is the name of a test, but no row of test/fault-ids.ts`),
  ]
}

const HEAD = `# What the action survives

Made by a run of the tests (\`npm run faults\`); \`.ci/run\` compares it. The names of the tests begin with the id.

**OK**: the tree is the wanted commit. **RETRY**: asked again a bounded number of times, then OK; after that FAIL.
**DEGRADE**: one stream instead of ranges, then OK. **FAIL**: the snapshot ends with an error, named by its code in the
[README](../README.md#errors) or else by what fits; the plain fetch follows, unless \`on-miss\` says otherwise. Where input,
disk or job are at fault, the step fails whatever it says. Unless a row says otherwise, a FAIL leaves the workspace
byte by byte as it was, and no file, process or token behind.
`

export function faultTable(rows: readonly FaultRow[], proofs: Proofs): string {
  const cells = rows.map(({ id, what, outcome }) => {
    const { passed, ms } = proofs.get(id) ?? { passed: 0, ms: 0 }
    return [id, what, outcome, String(passed), ms < 500 ? '<1' : String(Math.round(ms / 1000))]
  })
  const text = (row: readonly string[]) => row.map((cell) => cell.replaceAll('*', '\\*'))
  return `${HEAD}\n${table(['id', 'what', 'outcome', 'tests', 'seconds'], cells.map(text))}\n`
}

/** Whether two tables say the same, however long the tests took. */
export function sameTable(one: string, other: string): boolean {
  const withoutSeconds = (text: string) => text.replace(/ \| (<1|\d+) \|$/gm, ' |')
  return withoutSeconds(one) === withoutSeconds(other)
}

function main(args: readonly string[]): readonly string[] {
  const [report = ''] = args.filter((arg) => arg !== '--check')
  const proofs = proofsOf(JSON.parse(readFileSync(report, 'utf8')))
  const missing = complaints(FAULT_ROWS, proofs)
  if (missing.length > 0) return missing
  const file = join(import.meta.dirname, '..', 'docs', 'faults.md')
  const made = faultTable(FAULT_ROWS, proofs)
  if (!args.includes('--check')) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, made)
  } else if (!sameTable(made, existsSync(file) ? readFileSync(file, 'utf8') : '')) {
    return ['docs/faults.md is not what the tests give: run "npm run faults" and commit it']
  }
  const seconds = FAULT_ROWS.reduce((sum, { id }) => sum + (proofs.get(id)?.ms ?? 0) / 1000, 0)
  console.log(`${FAULT_ROWS.length} faults are survived, in ${Math.round(seconds)} s of tests`)
  return []
}

if (import.meta.main) {
  const complaintsToTell = main(process.argv.slice(2))
  for (const complaint of complaintsToTell) console.error(`faults: ${complaint}`)
  process.exitCode = complaintsToTell.length > 0 ? 1 : 0
}
