import type { Packed } from '../pack/pack.ts'
import { formatMegabytes, formatSeconds, grouped } from '../report/amounts.ts'

/** What one save step did. Times are in milliseconds. */
export interface SaveReport extends Packed {
  readonly outcome: 'saved' | 'exists' | 'young'
  /** Of the entry that is there now. */
  readonly key: string
  readonly repository: string
  readonly branch: string
  /** Of the snapshot that is there now. */
  readonly commit: string
  readonly cloneMs: number
  readonly packMs: number
  readonly uploadMs: number
  readonly totalMs: number
}

/** The outputs of save/action.yml, by their names there. */
export function saveOutputs(report: SaveReport): Readonly<Record<string, string>> {
  const whole = (value: number): string => String(Math.round(value))
  return {
    outcome: report.outcome,
    key: report.key,
    commit: report.commit,
    bytes: whole(report.bytes),
    'unpacked-bytes': whole(report.unpackedBytes),
    files: whole(report.files),
    'clone-ms': whole(report.cloneMs),
    'pack-ms': whole(report.packMs),
    'upload-ms': whole(report.uploadMs),
    'total-ms': whole(report.totalMs),
  }
}

/** The same in one line that a person reads. */
export function saveLine(report: SaveReport): string {
  const { outcome, repository, branch, commit, files, bytes, totalMs } = report
  const what = `${repository} ${branch} at ${commit.slice(0, 7)}`
  if (outcome === 'exists') return `The Actions cache has the snapshot of ${what} already`
  if (outcome === 'young') return `The Actions cache has a snapshot of ${what} that is younger than min-age`
  return `Saved a snapshot of ${what}: ${grouped(files)} files, ${formatMegabytes(bytes)} in ${formatSeconds(totalMs)}`
}
