import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { complaints, faultTable, proofsOf, sameTable, type TestResult } from '../scripts/fault-table.ts'
import { FAULT_ROWS, type FaultRow } from './fault-ids.ts'
import { temporary } from './support/temporary.ts'

const ROWS: readonly FaultRow[] = [
  { id: 'F001', letters: [], what: 'refused', outcome: 'OK' },
  { id: 'T49', letters: ['a', 'b'], what: 'a * record | two', outcome: 'FAIL' },
]

function result(title: string, change: Partial<TestResult> = {}): TestResult {
  return { ancestorTitles: [], title, status: 'passed', duration: 100, ...change }
}

function proofs(...assertionResults: readonly TestResult[]): ReturnType<typeof proofsOf> {
  return proofsOf({ testResults: [{ assertionResults }] })
}

const ALL = [result('F001: refused'), result('T49a: length'), result('T49b: zero')]

describe('the tests of a fault', () => {
  it('are those whose name, or whose group’s name, begins with its id', () => {
    const found = proofs(
      result('F001: once'),
      result('at 8', { ancestorTitles: ['network', 'F001: twice'], duration: 900 }),
      result('both', { ancestorTitles: ['F001, F002: shared'] }),
      result('is like F001: no'),
      result('F001 without a colon'),
      result('F0012: another'),
    )
    expect(found.get('F001')).toEqual({ passed: 3, failed: 0, ms: 1100 })
    expect(found.get('F002')).toEqual({ passed: 1, failed: 0, ms: 100 })
  })

  it('count for the id with and without the letter', () => {
    const found = proofs(...ALL)
    expect([found.get('T49')?.passed, found.get('T49a')?.passed]).toEqual([2, 1])
  })

  it('prove nothing where they were skipped', () => {
    const skipped = result('F001: refused', { status: 'skipped', duration: null })
    expect(proofs(skipped).get('F001')).toEqual({ passed: 0, failed: 0, ms: 0 })
  })
})

describe('a complaint', () => {
  it('is not made where every id and letter has passed', () => {
    expect(complaints(ROWS, proofs(...ALL))).toEqual([])
  })

  it.each<[string, readonly TestResult[], string]>([
    ['an id without a test', ALL.slice(1), 'F001 has no passed test'],
    ['a letter without a test', ALL.slice(0, 2), 'T49b has no passed test'],
    [
      'a failed test beside passed ones',
      [...ALL, result('F001: b', { status: 'failed' })],
      'F001 has a failed test',
    ],
    [
      'an id that no row has',
      [...ALL, result('F026: x')],
      'F026 is the name of a test, but no row of test/fault-ids.ts',
    ],
  ])('is made about %s', (_, results, complaint) => {
    expect(complaints(ROWS, proofs(...results))).toEqual([complaint])
  })
})

describe('the table', () => {
  it('has a row for each id, in their order, with tests and seconds', () => {
    const made = faultTable(ROWS, proofs(...ALL, result('F001: slow', { duration: 2600 })))
    expect(made.split('\n').slice(-5, -1)).toEqual([
      '| id | what | outcome | tests | seconds |',
      '| --- | --- | --- | --- | --- |',
      '| F001 | refused | OK | 2 | 3 |',
      '| T49 | a \\* record \\| two | FAIL | 2 | <1 |',
    ])
  })

  it('is the same whatever seconds it has, and not with another number of tests', () => {
    const made = faultTable(ROWS, proofs(...ALL))
    const slower = faultTable(ROWS, proofs(...ALL.map((test) => ({ ...test, duration: 77_000 }))))
    expect(slower).not.toBe(made)
    expect(sameTable(made, slower)).toBe(true)
    expect(sameTable(made, faultTable(ROWS, proofs(...ALL, result('F001: new'))))).toBe(false)
  })
})

it('the rows have different ids, F before T, in rising order', () => {
  const order = FAULT_ROWS.map(({ id }) => (id.startsWith('F') ? 0 : 1000) + Number(id.slice(1)))
  expect(order).toEqual([...new Set(order)].sort((a, b) => a - b))
})

it('a report in which ids are missing fails the check, and each is told', async () => {
  const report = join(temporary(), 'tests.json')
  const assertionResults = FAULT_ROWS.slice(1).flatMap(({ id, letters }) =>
    ['', ...letters].map((letter) => result(`${id}${letter}: x`)),
  )
  writeFileSync(report, JSON.stringify({ testResults: [{ assertionResults }] }))
  const script = join(import.meta.dirname, '..', 'scripts', 'fault-table.ts')
  const [code, words] = await new Promise<[number | null, string]>((done) => {
    const child = execFile(process.execPath, [script, '--check', report], (_, __, stderr) =>
      done([child.exitCode, stderr]),
    )
  })
  expect([code, words]).toEqual([1, 'faults: F001 has no passed test\n'])
})
