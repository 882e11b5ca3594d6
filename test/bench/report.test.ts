import { expect, it } from 'vitest'
import { barChart } from '../../bench/chart.ts'
import { benchmarksPage, readmePart } from '../../bench/markdown-report.ts'
import type { Run } from '../../bench/run-results.ts'
import { spentOf, spentRows } from '../../bench/spent.ts'
import { textReport } from '../../bench/text-report.ts'
import { withPart } from '../../scripts/page-part.ts'
import { caseResult, entrant } from './result.ts'

const absent = { name: 'aria2c', why: 'not on PATH: aria2c' }
const result = caseResult({
  goals: [{ of: 'this action', to: ['curl | zstd | tar'], atMost: 0.6 }],
  skipped: [absent],
})
const machine = {
  processor: 'CPU',
  cores: 2,
  memoryBytes: 2 ** 34,
  kernel: 'Linux 6',
  node: '24.0.0',
  git: '2.40.0',
}
const run: Run = {
  date: '2026-01-02T03:04:05.678Z',
  command: 'npm run bench',
  machine,
  busy: undefined,
  place: 'in memory',
  cases: [result],
  skipped: [{ name: 'cachewd', why: 'not on PATH' }],
  failed: [],
}

it('prints a case as a table within 100 columns, with goals and who is missing', () => {
  const text = textReport(result)
  expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100)
  expect(text).toMatch(/^this action +100 ms +90 ms +130 ms +0\.65 +200 ms +130 MiB$/m)
  expect(text).toContain('goal missed: this action at most 0.60 x curl | zstd | tar, is 0.65')
  expect(text).toContain('skipped: aria2c (not on PATH: aria2c)')
})

it('has no columns for what nobody measured', () => {
  const entrants = [{ name: 'this action', samples: [{ wallMs: 1500 }] }]
  const text = textReport(caseResult({ entrants, reference: undefined }))
  expect(text).toMatch(/^ +median +least +most$/m)
  expect(text).toMatch(/^this action +1\.50 s +1\.50 s +1\.50 s$/m)
})

it('takes every number of milliseconds in the report for a stage, and tells the median of each', () => {
  const report = { openMs: 10, bytes: 5, snapshot: { files: 3, spent: { networkMs: 20 } }, restoreMs: 300 }
  const first = spentOf(report)
  expect(first).toEqual({ open: 10, restore: 300, network: 20 })
  const samples = [
    { spent: first },
    { spent: { open: 30, restore: 100 } },
    { spent: { open: 20, restore: 200 } },
  ]
  expect(spentRows({ name: 'this action', samples })).toEqual([
    ['open', 20],
    ['restore', 200],
    ['network', 20],
  ])
  expect(spentOf(undefined)).toEqual({})
  expect(spentRows(entrant('curl', 1, 2))).toEqual([])
})

it('draws bars in proportion, to an eighth of a character', () => {
  expect(
    barChart([
      { name: 'one', value: 48, label: '48 s' },
      { name: 'three', value: 16.5, label: '16.5 s' },
      { name: 'none', value: 0, label: '0 s' },
    ]),
  ).toBe(
    [
      `one    ${'█'.repeat(48)}  48 s`,
      `three  ${'█'.repeat(16)}▌${' '.repeat(31)}  16.5 s`,
      `none   ▏${' '.repeat(47)}  0 s`,
    ].join('\n'),
  )
})

it('writes a page that tells machine, date and command, and a table and a chart for each case', () => {
  const page = benchmarksPage(run)
  expect(page).toContain('- machine: CPU, 2 cores, 16 GiB of memory, Linux 6, Node 24.0.0, git 2.40.0')
  expect(page).toContain('- date: 2026-01-02')
  expect(page).toContain('- command: `npm run bench`')
  expect(page).toContain('- left out: cachewd (not on PATH)')
  expect(page).toContain('## files: many files')
  expect(page).toContain('| curl \\| zstd \\| tar | 200 ms | 100 ms | 200 ms | 1.00 | 400 ms | 200 MiB |')
  expect(page).toMatch(/```text\nthis action +█+ +100 ms\n/)
})

it('shows this action beside the ways of git in the README, and tells of the pipe in words', () => {
  const withGit = caseResult({
    name: 'history',
    title: 'much history',
    entrants: [...result.entrants, entrant('git fetch --depth 1', 300), entrant('git clone', 600)],
  })
  const onlyFetch = caseResult({
    title: 'a newer commit',
    entrants: [entrant('this action', 100), entrant('git fetch --depth 1', 150)],
  })
  const part = readmePart({ ...run, cases: [result, withGit, onlyFetch] })
  expect(part).toContain('|  | this action | git fetch --depth 1 | git clone |')
  expect(part).toContain(
    '| much history | 100 ms | 300 ms | 600 ms |\n| a newer commit | 100 ms | 150 ms |  |',
  )
  expect(part).not.toContain('| many files |')
  expect(part).toMatch(
    /much history:\n\n```text\nthis action +█+ +100 ms\ngit fetch --depth 1 +█+ +300 ms\ngit clone/,
  )
  expect(part).toContain('from\n0.65 times as long (much history) to 0.65 times as long (many files).')
})

it('puts what is made between its markers, and leaves the rest of the page', () => {
  const page = withPart('before\n<!-- part -->\nold\n<!-- /part -->\nafter\n', 'part', 'new')
  expect(page).toBe('before\n<!-- part -->\n\nnew\n\n<!-- /part -->\nafter\n')
  expect(() => withPart('no markers', 'part', 'new')).toThrow('the page has no <!-- part -->')
})
