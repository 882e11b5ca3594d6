import type { SnapshotSource } from '../snapshot/locate.ts'
import type { Spent } from '../unpack/spent.ts'
import { megabytesPerSecond } from './amounts.ts'
import type { Span } from './timeline.ts'
import type { Repeats, Trouble } from './trouble.ts'

/** What a restored snapshot was. */
export interface SnapshotReport {
  readonly source: SnapshotSource
  /** Where it came from, as messages call it: never with a query. */
  readonly place: string
  /** Of the server or URL; undefined for the Actions cache. */
  readonly host: string | undefined
  readonly commit: string
  /** Whether its history is cut off. */
  readonly isShallow: boolean
  /** Commits that the wanted one has and it had not, at most 1000; undefined where nobody counted them. */
  readonly behind: number | undefined
  /** Since it was made, where its source tells; of one that this machine has kept, since it was fetched. */
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
