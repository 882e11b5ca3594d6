import { grouped } from '../report/amounts.ts'
import type { Report, SnapshotReport } from '../report/report.ts'
import { stageOf, type Wait, type Waited } from './bottleneck.ts'

/** What a person may change where this held the step up most, in sentences. Empty where nothing is known to help. */
export function adviceOn({ of }: Wait, report: Report): string {
  if (of === 'git') return gitAdvice(report)
  if (of === 'first reply') return firstReplyAdvice(report)
  if (of === 'network' && report.snapshot !== undefined) return networkAdvice(report, report.snapshot)
  if (of === 'files') return filesAdvice(report)
  return ADVICE[of] ?? ''
}

const ADVICE: Partial<Readonly<Record<Waited, string>>> = {
  'find commit':
    'The GitHub server was asked what is to be checked out. It is not asked where `ref` is a whole commit, or empty for the event of the job.',
  decode:
    'A runner with more cores decodes more at once, where the snapshot has many frames: those of Cachew and of the action `save` have.',
}

function firstReplyAdvice({ snapshot, missed }: Report): string {
  if (missed !== undefined) return 'The snapshot server was waited for in vain: see above.'
  if (snapshot?.source !== 'cachew') return ''
  return 'A server that has no snapshot yet makes it while the job waits: the action `warm`, on a schedule, has it made before jobs ask.'
}

function networkAdvice({ concurrency, chunkBytes, requests }: Report, snapshot: SnapshotReport): string {
  const { source, etag, totalBytes = Number.POSITIVE_INFINITY } = snapshot
  if (source === 'store') return 'The snapshot was read from this machine: a faster disk for `store` helps.'
  const isLarge = totalBytes > chunkBytes
  if (concurrency === 1 && isLarge) {
    return 'It came over one connection, since `concurrency` is 1: more of them at once are faster.'
  }
  if (isLarge && (etag === undefined || requests === 1)) {
    return 'It came over one connection, since the server gave no ranges. One that makes a snapshot while it sends it cannot: the action `warm`, on a schedule, has it made before jobs ask.'
  }
  const more = `More connections help where each is slow (\`concurrency\` is ${concurrency})`
  if (source === 'actions-cache') return `${more}. A snapshot that is saved without history is smaller.`
  return `${more}, and a server nearer to the runner where the way is long. On a self-hosted runner, \`store\` keeps the snapshot on its disk.`
}

function filesAdvice({ snapshot }: Report): string {
  const files = `${grouped(snapshot?.files ?? 0)} files were written`
  return `${files}: a faster disk helps, and a workspace that no virus scanner watches. Where the job needs some directories alone, \`sparse-checkout\` leaves out the others.`
}

function gitAdvice(report: Report): string {
  const stage = stageOf('git', report)
  if (stage === 'freshen') return freshenAdvice(report)
  if (stage === 'fetch') return fetchAdvice(report)
  if (stage === 'lfs')
    return 'Most of it was for files of Git LFS. Where the job can do without, set `lfs` to false.'
  if (stage === 'submodules') {
    return 'Most of it was for submodules. Where the job can do without, set `submodules` to false.'
  }
  return 'Git read and wrote files: a faster disk helps, and a workspace that no virus scanner watches.'
}

function freshenAdvice({ freshenedBy }: Report): string {
  if (freshenedBy === 'none') {
    return 'The GitHub server was asked for more than the commit, since `fetch-depth` is 0 or `fetch-tags` is true.'
  }
  return 'Commits that were not there yet were fetched: let the action `save` or `warm` run more often, and snapshots have them.'
}

function fetchAdvice({ missed }: Report): string {
  if (missed !== undefined) return 'With a snapshot there is no such fetch: see above.'
  return 'Everything was fetched from the GitHub server, since `source` is none: a snapshot may be faster.'
}
