/** What one restore did. Times are in milliseconds. */
export interface Report {
  readonly source: 'cachew' | 'url'
  readonly repository: string
  readonly commit: string
  readonly etag: string | undefined
  /** Body bytes received, repeats included. */
  readonly bytes: number
  readonly unpackedBytes: number
  readonly files: number
  readonly requests: number
  readonly retries: number
  readonly openMs: number
  readonly restoreMs: number
  readonly settleMs: number
  readonly totalMs: number
}

/** The action's outputs, by their names in action.yml. */
export function outputsOf(report: Report): Readonly<Record<string, string>> {
  const whole = (value: number): string => String(Math.round(value))
  return {
    outcome: 'restored',
    source: report.source,
    'snapshot-hit': 'true',
    'snapshot-commit': report.commit,
    commit: report.commit,
    etag: report.etag ?? '',
    bytes: whole(report.bytes),
    'unpacked-bytes': whole(report.unpackedBytes),
    files: whole(report.files),
    requests: whole(report.requests),
    retries: whole(report.retries),
    'open-ms': whole(report.openMs),
    'restore-ms': whole(report.restoreMs),
    'settle-ms': whole(report.settleMs),
    'total-ms': whole(report.totalMs),
    'megabytes-per-second': megabytesPerSecond(report).toFixed(1),
  }
}

/** The same in one line that a person reads. */
export function lineOf(report: Report): string {
  const { repository, commit, source, files, bytes, totalMs, retries } = report
  const from = source === 'cachew' ? 'Cachew' : 'the URL'
  const again = retries === 0 ? '' : `, ${retries} ${retries === 1 ? 'retry' : 'retries'}`
  const speed = `${formatMegabytes(bytes)} in ${(totalMs / 1000).toFixed(1)} s`
  const rate = `${megabytesPerSecond(report).toFixed(0)} MB/s`
  return `Restored ${repository} at ${commit.slice(0, 7)} from ${from}: ${grouped(files)} files, ${speed} (${rate}${again})`
}

/** What has come so far, for a person who waits. */
export function progressLine(bytes: number, total: number | undefined, elapsedMs: number): string {
  const rate = `${(bytes / 1000 / Math.max(1, elapsedMs)).toFixed(0)} MB/s`
  if (total === undefined || total === 0) return `Received ${formatMegabytes(bytes)} (${rate})`
  const percent = Math.min(100, Math.floor((bytes / total) * 100))
  return `Received ${formatMegabytes(bytes)} of ${formatMegabytes(total)} (${percent} %, ${rate})`
}

function megabytesPerSecond({ bytes, restoreMs }: Report): number {
  return restoreMs === 0 ? 0 : bytes / 1000 / restoreMs
}

function formatMegabytes(bytes: number): string {
  const megabytes = bytes / 1e6
  return `${megabytes.toFixed(megabytes < 10 ? 1 : 0)} MB`
}

/** With commas between thousands; Intl would take 15 ms to load for it. */
function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}
