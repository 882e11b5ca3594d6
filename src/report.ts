import type { Opened } from './session.ts'
import type { Span } from './timeline.ts'
import type { Repeats, Trouble } from './trouble.ts'
import type { Spent } from './unpack/spent.ts'

/** What a restored snapshot was. */
export interface SnapshotReport {
  readonly source: Opened['source']
  /** Where it came from, as messages call it: never with a query. */
  readonly place: string
  readonly commit: string
  /** Commits that the wanted one has and it had not, at most BEHIND_LIMIT; undefined where nobody counted them. */
  readonly behind: number | undefined
  /** Since it was made, where its source tells. */
  readonly ageMs: number | undefined
  readonly etag: string | undefined
  /** Compressed, where its source tells. */
  readonly totalBytes: number | undefined
  readonly unpackedBytes: number
  readonly files: number
  /** Where the time of the restore went. */
  readonly spent: Spent
}

/** What one step did. Times are in milliseconds. */
export interface Report {
  readonly outcome: 'restored' | 'reused' | 'fetched' | 'skipped' | 'failed'
  /** What the step failed with. */
  readonly error: Trouble | undefined
  /** Why no snapshot was restored, where something else was done instead. */
  readonly missed: Trouble | undefined
  /** What brought the wanted commit, where the snapshot or the workspace did not hold it. */
  readonly freshenedBy: 'none' | 'bundle' | 'server' | 'origin'
  /** Of the GitHub server, without a path. */
  readonly serverUrl: string
  readonly repository: string
  /** Where the working copy is, relative to the workspace; empty for the workspace itself. */
  readonly path: string
  /** As actions/checkout tells it: empty where a commit was asked for. */
  readonly ref: string
  /** Empty where nothing was checked out. */
  readonly commit: string
  /** The snapshot that was restored; undefined where none was. */
  readonly snapshot: SnapshotReport | undefined
  /** Body bytes received from the snapshot's source, repeats included. */
  readonly bytes: number
  readonly requests: number
  readonly retries: number
  /** Why requests were repeated: one entry a code. */
  readonly repeats: readonly Repeats[]
  /** Why the restore of the snapshot began again; at most once. */
  readonly restarts: readonly Trouble[]
  /** As the inputs had it. */
  readonly concurrency: number
  readonly chunkBytes: number
  /** When what was done, by its beginning; much of it at the same time. */
  readonly timeline: readonly Span[]
  readonly openMs: number
  readonly restoreMs: number
  readonly settleMs: number
  readonly totalMs: number
}

/** How the wanted commit came to be in the workspace. */
export type Arrival = Pick<Report, 'outcome' | 'freshenedBy' | 'commit' | 'snapshot'>

/** More commits than this are not counted. */
export const BEHIND_LIMIT = 1000

/** The action's outputs, by their names in action.yml. */
export function outputsOf(report: Report): Readonly<Record<string, string>> {
  const whole = (value: number): string => String(Math.round(value))
  const { snapshot } = report
  return {
    ref: report.ref,
    commit: report.commit,
    outcome: report.outcome,
    'freshened-by': report.freshenedBy,
    source: snapshot?.source ?? 'none',
    'snapshot-hit': String(snapshot !== undefined),
    'snapshot-commit': snapshot?.commit ?? '',
    etag: snapshot?.etag ?? '',
    bytes: whole(report.bytes),
    'unpacked-bytes': whole(snapshot?.unpackedBytes ?? 0),
    files: whole(snapshot?.files ?? 0),
    requests: whole(report.requests),
    retries: whole(report.retries),
    'open-ms': whole(report.openMs),
    'restore-ms': whole(report.restoreMs),
    'settle-ms': whole(report.settleMs),
    'total-ms': whole(report.totalMs),
    'megabytes-per-second': megabytesPerSecond(report.bytes, report.restoreMs).toFixed(1),
  }
}

const FRESHENED = {
  none: '',
  bundle: '; freshened by a bundle of the server',
  server: "; freshened from the server's mirror",
  origin: '; freshened from the origin',
} as const

/** The same in one line that a person reads. */
export function lineOf(report: Report): string {
  const { outcome, repository, commit, totalMs, freshenedBy } = report
  const place = `${repository} at ${commit.slice(0, 7)}`
  const spent = `in ${formatSeconds(totalMs)}`
  if (outcome === 'restored') return `Restored ${place} ${restored(report)}${FRESHENED[freshenedBy]}`
  if (outcome === 'reused')
    return `Reused the workspace's clone of ${place}, ${spent}${FRESHENED[freshenedBy]}`
  if (outcome === 'fetched') return `Fetched ${place} from the origin, ${spent}`
  if (outcome === 'skipped')
    return `Left the workspace as it is: no snapshot of ${repository}, and on-miss is skip`
  return `Could not check out ${repository}, after ${formatSeconds(totalMs)}`
}

const SOURCES = {
  cachew: 'Cachew',
  url: 'the URL',
  'actions-cache': 'the Actions cache',
  store: "this machine's store",
} as const

function restored({ snapshot, bytes, restoreMs, totalMs, retries }: Report): string {
  const from = SOURCES[snapshot?.source ?? 'url']
  const again = retries === 0 ? '' : `, ${retries} ${retries === 1 ? 'retry' : 'retries'}`
  const speed = `${formatMegabytes(bytes)} in ${formatSeconds(totalMs)}`
  return `from ${from}: ${grouped(snapshot?.files ?? 0)} files, ${speed} (${formatRate(bytes, restoreMs)}${again})`
}

/** What has come so far, for a person who waits. */
export function progressLine(bytes: number, total: number | undefined, elapsedMs: number): string {
  const rate = formatRate(bytes, elapsedMs)
  if (total === undefined || total === 0) return `Received ${formatMegabytes(bytes)} (${rate})`
  const percent = Math.min(100, Math.floor((bytes / total) * 100))
  return `Received ${formatMegabytes(bytes)} of ${formatMegabytes(total)} (${percent} %, ${rate})`
}

function formatRate(bytes: number, ms: number): string {
  return `${megabytesPerSecond(bytes, ms).toFixed(0)} MB/s`
}

function megabytesPerSecond(bytes: number, ms: number): number {
  return ms === 0 ? 0 : bytes / 1000 / ms
}

export function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

export function formatMegabytes(bytes: number): string {
  const megabytes = bytes / 1e6
  return `${megabytes.toFixed(megabytes < 10 ? 1 : 0)} MB`
}

/** With commas between thousands; Intl would take 15 ms to load for it. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}
