import {
  counted,
  formatAge,
  formatDuration,
  formatMegabytes,
  formatRate,
  grouped,
} from '../report/amounts.ts'
import type { Report, SnapshotReport } from '../report/report.ts'
import { adviceOn } from './advice.ts'
import { longestOf, stageOf, type Wait, type Waited, waitsOf } from './bottleneck.ts'
import { gantt } from './gantt.ts'
import { codeSpan, table } from './markdown.ts'
import { troubleBlocks } from './troubles.ts'

/** A step that takes as long as that is worth a look, however large its repository. */
const SLOW_MS = 15_000
const NO_BREAK_SPACE = '\u00a0'

/** Why the job's summary is to tell of a step, as words after "since"; none where all went well. */
export function reasonsOf({ error, missed, restarts, retries, totalMs }: Report): readonly string[] {
  if (error?.code === 'CANCELLED') return []
  return [
    ...(error === undefined ? [] : ['the step failed']),
    ...(missed === undefined ? [] : ['no snapshot was restored']),
    ...(restarts.length === 0 ? [] : ['the restore began again']),
    ...(retries === 0 ? [] : ['requests were repeated']),
    ...(totalMs < SLOW_MS ? [] : [`it took ${SLOW_MS / 1000} s or more`]),
  ]
}

/** What the step did, in GitHub's Markdown. The heading tells it from other steps in the same summary. */
export function summaryOf(report: Report): string {
  const blocks = [
    `### ${headline(report)}`,
    ...introduction(report),
    ...troubleBlocks(report),
    facts(report),
    ...timeBlocks(report),
    footnote(report),
  ]
  return `${blocks.join('\n\n')}\n\n`
}

function headline({ outcome, repository, path, missed, totalMs }: Report): string {
  const place = path === '' ? '' : ` in ${codeSpan(path)}`
  const what = `${codeSpan(repository)}${place}`
  const time = formatDuration(totalMs)
  if (outcome === 'restored') return `Restored ${what} in ${time}`
  if (outcome === 'reused') return `Brought ${what} up to date in ${time}`
  if (outcome === 'skipped') return `Left ${what} as it is: there was no snapshot`
  if (outcome === 'failed') return `Could not check out ${what}, after ${time}`
  return `Fetched ${what}${missed === undefined ? '' : ' without a snapshot'} in ${time}`
}

function introduction({ commit, serverUrl, repository, ref, snapshot }: Report): readonly string[] {
  if (commit === '') return []
  const address = new URL(`${repository}/commit/${commit}`, serverUrl).href
  const of = ref === '' ? '' : ` of ${codeSpan(ref)}`
  const from = snapshot === undefined ? '' : `, from ${sourceOf(snapshot)}${stateOf(snapshot)}`
  return [`Commit [\`${commit.slice(0, 7)}\`](<${address}>)${of}${from}.`]
}

function sourceOf({ source, place }: SnapshotReport): string {
  if (source === 'store') return 'a snapshot that this machine has kept'
  if (source === 'actions-cache') return 'a snapshot in the Actions cache'
  return `a snapshot at ${codeSpan(URL.parse(place)?.host ?? place)}`
}

function stateOf({ behind = 0, ageMs }: SnapshotReport): string {
  const words = [
    ...(behind === 0 ? [] : [`${counted(behind, 'commit')} behind`]),
    ...(ageMs === undefined ? [] : [`${formatAge(ageMs)} old`]),
  ]
  return words.length === 0 ? '' : `, which was ${words.join(' and ')}`
}

/** The words are those of the outputs. */
function facts({ outcome, freshenedBy, snapshot, bytes, requests, retries, restoreMs }: Report): string {
  const repeated = retries === 0 ? '' : ` (${grouped(retries)} repeated)`
  return rowTable([
    ['outcome', outcome],
    freshenedBy === 'none' ? undefined : ['freshened by', freshenedBy],
    snapshot && ['source', snapshot.source],
    bytes === 0 ? undefined : ['received', formatMegabytes(bytes)],
    bytes === 0 || restoreMs === 0 ? undefined : ['rate', formatRate(bytes, restoreMs)],
    requests === 0 ? undefined : ['requests', `${grouped(requests)}${repeated}`],
    snapshot && ['files', `${grouped(snapshot.files)} (${formatMegabytes(snapshot.unpackedBytes)})`],
  ])
}

/** What held the step up most and what to change, when what was done, and where the time went. */
function timeBlocks(report: Report): readonly string[] {
  const waits = waitsOf(report)
  const longest = longestOf(waits)
  if (longest === undefined) return []
  const stage = stageOf(longest.of, report)
  const chart = gantt(report.timeline, stage)
  return [
    ...(report.error === undefined ? [verdict(longest, report)] : []),
    ...(chart === undefined ? [] : [`\`\`\`mermaid\n${chart}\n\`\`\``]),
    rowTable(waits.map((wait) => [wait.of, timeOf(wait, report)])),
  ]
}

const HELD_UP_BY: Readonly<Record<Waited, string>> = {
  'find commit': 'finding the commit',
  'first reply': 'the first reply',
  network: 'the network',
  decode: 'decoding',
  files: 'writing files',
  git: 'git',
  'failed attempts': 'attempts that failed',
  other: 'other work',
}

function verdict(wait: Wait, report: Report): string {
  const stage = wait.of === 'git' ? stageOf('git', report) : undefined
  const within = stage === undefined || stage === 'git' ? '' : `, most of it for "${stage}"`
  const held = `**Held up most by ${HELD_UP_BY[wait.of]}:** ${timeOf(wait, report)}${within}.`
  const isFine = report.missed === undefined && report.totalMs < SLOW_MS
  const advice = isFine ? `Below ${SLOW_MS / 1000} s nothing has to be changed.` : adviceOn(wait, report)
  return advice === '' ? held : `${held} ${advice}`
}

function timeOf({ ms }: Wait, { totalMs }: Report): string {
  return `${formatDuration(ms)} (${Math.round((ms / totalMs) * 100)} %)`
}

function footnote(report: Report): string {
  const reasons = reasonsOf(report)
  const since = reasons.length === 0 ? 'the input `summary` is always' : reasons.join(' and ')
  return `<sub>git-snapshot wrote this since ${since}.</sub>`
}

type Column = readonly [head: string, cell: string]

/** Cells are not broken into lines: a number stays with its unit. */
function rowTable(columns: readonly (Column | undefined)[]): string {
  const shown = columns.filter((column) => column !== undefined)
  return table(
    shown.map(([head]) => head),
    [shown.map(([, cell]) => cell.replaceAll(' ', NO_BREAK_SPACE))],
  )
}
