import { table } from '../src/markdown.ts'
import { barChart } from './chart.ts'
import { formatRatio, formatValue } from './format.ts'
import { machineWords } from './machine.ts'
import { OURS, PEERS } from './peers.ts'
import { type CaseResult, summariesOf } from './results.ts'
import type { Run } from './run-results.ts'
import { absentWords, cellsOf, notesOf } from './text-report.ts'

const HEAD = `# Benchmarks

Made by \`npm run bench\` (\`npm run bench -- --help\` tells what else it can), which measures on the machine that it runs on,
servers included. All run in turns, each into a fresh directory; the first round does not count. A ratio is the median
of the ratios round by round. CPU is user and system time of all processes of a contestant, peak RSS the memory of its
largest one at its peak.
`

/** docs/benchmarks.md. */
export function benchmarksPage({ date, command, machine, busy, place, cases, skipped, failed }: Run): string {
  const about = [
    `- machine: ${machineWords(machine)}`,
    ...(busy === undefined ? [] : [`- note: ${busy}`]),
    `- files: ${place}`,
    `- date: ${date.slice(0, 10)}`,
    `- command: \`${command}\``,
    ...skipped.map((absent) => `- left out: ${absentWords(absent)}`),
    ...failed.map((absent) => `- failed: ${absentWords(absent)}`),
  ]
  return `${[HEAD, about.join('\n'), '', ...cases.map(section)].join('\n')}`
}

function section(result: CaseResult): string {
  const { head, rows } = cellsOf(result)
  return [
    `## ${result.name}: ${result.title}`,
    '',
    ...result.facts.map((fact) => `${fact}.`),
    '',
    table(head, rows),
    '',
    chartOf(result),
    '',
    ...notesOf(result).map((note) => `- ${note.replaceAll('|', '\\|')}`),
    '',
  ].join('\n')
}

function chartOf(result: CaseResult): string {
  const bars = summariesOf(result).map(({ name, value }) => {
    return { name, value, label: formatValue(result.quantity, value) }
  })
  return ['```text', barChart(bars), '```'].join('\n')
}

/** The part of README.md: who restores how fast, and a chart of the first case. */
export function readmePart({ date, machine, cases }: Run): string {
  const restores = cases.filter(({ reference }) => reference === PEERS.pipe.name)
  const columns = [OURS, ...WAYS].filter((name) => restores.some((result) => timeOf(result, name) !== ''))
  const rows = restores.map((result) => [
    result.title,
    ...columns.map((name) => timeOf(result, name)),
    formatRatio(summariesOf(result).find(({ name }) => name === OURS)?.ratio),
  ])
  const [first] = restores
  return [
    table(['', ...columns, `ratio to ${PEERS.pipe.name}`], rows),
    '',
    ...(first === undefined ? [] : [`${first.title}:`, '', chartOf(first), '']),
    `Measured on ${date.slice(0, 10)} on ${machineWords(machine)}, with the servers on the same machine.`,
    '[docs/benchmarks.md](docs/benchmarks.md) has all cases, and how to measure them yourself.',
  ].join('\n')
}

/** Peers that end with a working copy. */
const WAYS = Object.values(PEERS).flatMap(({ name }) => (/^(link|disk):/.test(name) ? [] : [name]))

function timeOf(result: CaseResult, name: string): string {
  const summary = summariesOf(result).find((each) => each.name === name)
  return summary === undefined ? '' : formatValue(result.quantity, summary.value)
}

/** The page with the part between its markers. */
export function withPart(page: string, part: string): string {
  const [start, end] = ['<!-- benchmarks -->', '<!-- /benchmarks -->']
  const [from, to] = [page.indexOf(start), page.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`README.md has no ${start} followed by ${end}`)
  return `${page.slice(0, from + start.length)}\n\n${part}\n\n${page.slice(to)}`
}
