import { formatRatio, formatValue } from './format.ts'
import {
  type Absent,
  type CaseResult,
  type Summary,
  summariesOf,
  type Verdict,
  verdictsOf,
} from './results.ts'
import { spentRows } from './spent.ts'

const WIDTH = 100
const NAME_WIDTH = 34
const CELL_WIDTH = 11

/** What a case came to, for a terminal of 100 columns. */
export function textReport(result: CaseResult): string {
  const { name, title, facts } = result
  const { head, rows } = cellsOf(result)
  return [
    '',
    `${name}: ${title}`,
    '-'.repeat(WIDTH),
    ...facts,
    '',
    ...[head, ...rows].map(line),
    '',
    ...notesOf(result).map((note) => `  ${note}`),
  ].join('\n')
}

interface Column {
  readonly head: string
  readonly cell: (summary: Summary) => string
}

/** What is compared, and what else was measured. */
function columnsOf({ quantity, reference, entrants }: CaseResult): readonly Column[] {
  const head = { wallMs: 'median', cpuMs: 'CPU', peakBytes: 'peak' }[quantity]
  const has = (other: 'cpuMs' | 'peakBytes'): boolean =>
    other !== quantity &&
    entrants.some(({ samples }) => samples.some((sample) => sample[other] !== undefined))
  const columns: (Column | false)[] = [
    { head, cell: ({ value }) => formatValue(quantity, value) },
    { head: 'least', cell: ({ least }) => formatValue(quantity, least) },
    { head: 'most', cell: ({ most }) => formatValue(quantity, most) },
    reference !== undefined && { head: 'ratio', cell: ({ ratio }) => formatRatio(ratio) },
    has('cpuMs') && { head: 'CPU', cell: ({ cpuMs }) => formatValue('cpuMs', cpuMs) },
    has('peakBytes') && { head: 'peak RSS', cell: ({ peakBytes }) => formatValue('peakBytes', peakBytes) },
  ]
  return columns.filter((column) => column !== false)
}

/** A case's numbers as text: the columns' names, and a row for each entrant. */
export function cellsOf(result: CaseResult): {
  readonly head: readonly string[]
  readonly rows: readonly string[][]
} {
  const columns = columnsOf(result)
  const rows = summariesOf(result).map((summary) => [
    summary.name,
    ...columns.map(({ cell }) => cell(summary)),
  ])
  return { head: ['', ...columns.map(({ head }) => head)], rows }
}

/** All that does not fit into the table: what ratios are to, goals, where the time went, who is missing. */
export function notesOf(result: CaseResult): readonly string[] {
  const { reference, entrants, skipped, failed } = result
  return [
    ...(reference === undefined ? [] : [`ratio: the median of each round's ratio to ${reference}`]),
    ...verdictsOf(result).map((verdict) => verdictWords(result, verdict)),
    ...entrants.flatMap((entrant) => {
      const stages = spentRows(entrant).map(([stage, ms]) => `${stage} ${formatValue('wallMs', ms)}`)
      return stages.length === 0 ? [] : [`inside ${entrant.name}: ${stages.join(', ')}`]
    }),
    ...skipped.map((absent) => `skipped: ${absentWords(absent)}`),
    ...failed.map((absent) => `failed: ${absentWords(absent)}`),
  ]
}

export function absentWords({ name, why }: Absent): string {
  return `${name} (${why})`
}

function verdictWords({ quantity }: CaseResult, { goal, to, value, isMet }: Verdict): string {
  const format = (each: number): string =>
    to === undefined ? formatValue(quantity, each) : `${formatRatio(each)} x ${to}`
  const is = to === undefined ? formatValue(quantity, value) : formatRatio(value)
  return `goal ${isMet ? 'met' : 'missed'}: ${goal.of} at most ${format(goal.atMost)}, is ${is}`
}

function line([name = '', ...cells]: readonly string[]): string {
  return `${name.padEnd(NAME_WIDTH)}${cells.map((cell) => cell.padStart(CELL_WIDTH)).join('')}`.trimEnd()
}
