import { MOST_COUNTED } from '../git/behind.ts'
import { counted, formatMegabytes, formatRate, formatSeconds } from './amounts.ts'
import type { Report, SnapshotReport } from './report.ts'

/** What a step that ended well has done, in one line that a person reads. */
export function lineOf(report: Report): string {
  const { outcome, repository, path, commit, totalMs, freshenedBy, serverUrl, missed } = report
  const place = `${repository} at ${commit.slice(0, 7)}${path === '' ? '' : ` into ${path}`}`
  const spent = `in ${formatSeconds(totalMs)}`
  const miss = missed === undefined ? '' : `; no snapshot was restored (${missed.code})`
  if (outcome === 'restored' && report.snapshot !== undefined)
    return `Restored ${place} ${restored(report, report.snapshot)}`
  if (outcome === 'reused')
    return `Reused the clone of ${place} that was there, ${spent}${BROUGHT[freshenedBy]}`
  if (outcome === 'fetched') return `Fetched ${place} from ${serverUrl} ${spent}${miss}`
  return `Left the workspace as it is: no snapshot of ${repository}, and on-miss is skip`
}

const SOURCES = {
  cachew: 'Cachew',
  url: 'the URL',
  'actions-cache': 'the Actions cache',
  store: "this machine's store",
} as const

const BROUGHT = {
  none: '',
  bundle: '; a bundle of the server brought the commit',
  server: "; the server's mirror brought the commit",
  origin: '; the commit was fetched from the origin',
} as const

function restored({ bytes, totalMs, retries, freshenedBy }: Report, snapshot: SnapshotReport): string {
  const { source, files, behind, totalBytes } = snapshot
  // Nothing of what this machine has kept came over the wire.
  const size = source === 'store' ? (totalBytes ?? 0) : bytes
  const rate = size < SLIGHT_BYTES ? [] : [formatRate(size, totalMs)]
  const again = retries === 0 ? [] : [counted(retries, 'retry', 'retries')]
  const notes = [...rate, ...again]
  const speed = `${formatMegabytes(size)} in ${formatSeconds(totalMs)}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`
  const freshened = behind === undefined || behind === 0 ? BROUGHT[freshenedBy] : behindWords(behind)
  return `from ${SOURCES[source]}: ${counted(files, 'file')}, ${speed}${freshened}`
}

/** What is so small tells nothing of how fast it came. */
const SLIGHT_BYTES = 1_000_000

function behindWords(behind: number): string {
  const atLeast = behind < MOST_COUNTED ? '' : 'at least '
  return `; snapshot was ${atLeast}${counted(behind, 'commit')} behind`
}
