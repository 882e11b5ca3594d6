import { table } from '../src/summary/markdown.ts'
import { barChart } from './chart.ts'
import { formatRatio, formatValue } from './format.ts'
import { machineWords } from './machine.ts'
import { OURS, PEERS } from './peers.ts'
import { type CaseResult, ratioOf, summariesOf } from './results.ts'
import type { Run } from './run-results.ts'
import { absentWords, cellsOf, notesOf } from './text-report.ts'

const HEAD = `# Benchmarks

Made by \`npm run bench\` (\`npm run bench -- --help\` tells what else it can), which measures on the machine that it runs on,
servers included. All run in turns, each into a fresh directory; the first round does not count. A ratio is the median
of the ratios round by round. CPU is user and system time of all processes of a contestant, peak RSS the memory of its
largest one at its peak.

**What to compare with what.** \`git fetch --depth 1\` is what actions/checkout does; it and \`git clone\` end, as this action
does, with a working copy of the wanted commit. Here the git server has nothing else to do, and there is no network before
it. \`${PEERS.pipe.name}\` unpacks a snapshot and stops there: no byte is checked against what was announced, no file
against the commit, git would take orders from the archive's configuration, the first \`git status\` reads every file, and
the tree stays at the snapshot's commit. With the server on the same machine nothing is gained by several
connections either, and two cores are not many for what this action does beside unpacking. So on this machine the ratio to it
tells what all of that costs; where a connection is slower than the disk, the ratio is below 1.
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

function chartOf(result: CaseResult, names?: readonly string[]): string {
  const summaries = summariesOf(result)
  const shown = names?.flatMap((each) => summaries.find(({ name }) => name === each) ?? []) ?? summaries
  const bars = shown.map(({ name, value }) => {
    return { name, value, label: formatValue(result.quantity, value) }
  })
  return ['```text', barChart(bars), '```'].join('\n')
}

/** Who ends with a working copy of the wanted commit, as README.md shows them. */
const SHOWN = [OURS, PEERS.fetch.name, PEERS.clone.name]

/** The part of README.md: this action beside git's own ways, and a chart of the first case with all of them. */
export function readmePart({ date, machine, cases }: Run): string {
  const [, ...others] = SHOWN
  const compared = cases.filter((result) => others.some((name) => timeOf(result, name) !== ''))
  const rows = compared.map((result) => [result.title, ...SHOWN.map((name) => timeOf(result, name))])
  const first = compared.find((result) => SHOWN.every((name) => timeOf(result, name) !== ''))
  return [
    table(['', ...SHOWN], rows),
    '',
    ...(first === undefined ? [] : [`${first.title}:`, '', chartOf(first, SHOWN), '']),
    pipeWords(cases),
    '',
    `Measured on ${date.slice(0, 10)} on ${machineWords(machine)}, with the servers on the same`,
    `machine: there is no network to wait for, and the git server has nothing else to do. \`${PEERS.fetch.name}\` is run as`,
    '`actions/checkout` runs it.',
    '[docs/benchmarks.md](docs/benchmarks.md) has all cases, and how to measure them yourself.',
  ].join('\n')
}

/** What unpacking alone takes, which does less: where this action looks worst beside it, and where best. */
function pipeWords(cases: readonly CaseResult[]): string {
  const { name } = PEERS.pipe
  const beside = cases
    .flatMap((result) => {
      const ratio = result.reference === name ? ratioOf(result, OURS, name) : undefined
      return ratio === undefined ? [] : [{ ratio, title: result.title }]
    })
    .sort((one, other) => other.ratio - one.ratio)
  const [worst, best] = [beside.at(0), beside.at(-1)].map(
    (each) => `${formatRatio(each?.ratio)} times as long (${each?.title})`,
  )
  return [
    `\`${name}\` unpacks a snapshot too, but checks nothing and stays at the snapshot's commit: this action takes from`,
    `${best} to ${worst}.`,
  ].join('\n')
}

function timeOf(result: CaseResult, name: string): string {
  const summary = summariesOf(result).find((each) => each.name === name)
  return summary === undefined ? '' : formatValue(result.quantity, summary.value)
}
