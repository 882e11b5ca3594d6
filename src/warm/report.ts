import { formatAge, formatMegabytes } from '../report/amounts.ts'
import type { Location } from '../snapshot/locate.ts'
import type { Found, Missing } from './look.ts'

/** What the server said to the wanted commit. */
export type Ensured =
  | { readonly kind: 'present' | 'missing' | 'not-asked' }
  | { readonly kind: 'unavailable'; readonly reason: string }

/** What one warm step found. */
export interface WarmReport {
  readonly repository: string
  readonly source: Location['kind'] | 'none'
  /** The commit that the job is about; undefined where there is no source. */
  readonly wanted: string | undefined
  readonly finding: Found | Missing
  /** Of the snapshot, where the source tells. */
  readonly ageMs: number | undefined
  readonly ensured: Ensured
  /** Whether this machine has the snapshot on its disk; undefined where it has no store. */
  readonly kept: boolean | undefined
}

const ENSURED = { present: 'true', missing: 'false', unavailable: '', 'not-asked': '' } as const

/** The outputs of warm/action.yml, by their names there. */
export function warmOutputs(report: WarmReport): Readonly<Record<string, string>> {
  const { source, wanted, finding, ageMs, ensured, kept } = report
  const snapshot = finding.kind === 'missing' ? undefined : finding
  const commit = snapshot?.commit
  return {
    found: String(snapshot !== undefined),
    source,
    commit: commit ?? '',
    'is-current': String(commit !== undefined && commit === wanted),
    'age-seconds': ageMs === undefined ? '' : String(Math.floor(ageMs / 1000)),
    bytes: String(snapshot?.total ?? ''),
    etag: snapshot?.etag ?? '',
    ensured: ENSURED[ensured.kind],
    kept: String(kept ?? ''),
  }
}

const PLACES = {
  cachew: 'Cachew',
  url: 'The URL',
  'actions-cache': 'The Actions cache',
  none: 'No source',
} as const

/** The same in one line that a person reads. */
export function warmLine(report: WarmReport): string {
  const { finding, repository, source } = report
  if (finding.kind === 'missing') {
    return `No snapshot of ${repository} is there for jobs to come: ${finding.reason}${serverWords(report)}`
  }
  const verb = finding.kind === 'made' ? 'made' : 'has'
  return `${PLACES[source]} ${verb} a snapshot of ${repository}${commitWords(report)}${sizeWords(report, finding)}${storeWords(report)}${serverWords(report)}`
}

function commitWords({ finding, wanted }: WarmReport): string {
  if (finding.kind === 'missing' || finding.commit === undefined) return ''
  const { commit } = finding
  const isCurrent = commit === wanted ? ', the wanted commit' : ''
  return ` at ${commit.slice(0, 7)}${isCurrent}`
}

function sizeWords({ ageMs }: WarmReport, { total }: Found): string {
  const size = total === undefined ? [] : [formatMegabytes(total)]
  const age = ageMs === undefined ? [] : [`${formatAge(ageMs)} old`]
  const words = [...size, ...age]
  return words.length === 0 ? '' : ` (${words.join(', ')})`
}

function storeWords({ kept }: WarmReport): string {
  if (kept === undefined) return ''
  return kept ? '; this machine keeps it' : '; this machine does not keep it'
}

function serverWords({ ensured, wanted = '' }: WarmReport): string {
  const commit = wanted.slice(0, 7)
  if (ensured.kind === 'present') return `; the server's mirror has ${commit}`
  if (ensured.kind === 'missing') return `; the server's mirror cannot get ${commit}`
  return ensured.kind === 'unavailable' ? `; ${ensured.reason}` : ''
}
