import { type Given, refused } from '../input-values.ts'
import { refuseForkCode } from './fork-guard.ts'
import { BRANCHES, branchIn, isCommitName, isRefName, ORIGIN_BRANCHES, TAGS } from './ref-name.ts'

/** What the runner says about the job that runs. */
export interface JobEvent {
  /** GITHUB_EVENT_NAME */
  readonly name: string
  /** GITHUB_REF, GITHUB_SHA */
  readonly ref: string
  readonly sha: string
  /** GITHUB_REPOSITORY, `owner/name` */
  readonly repository: string
  /** The webhook's payload, from the file that GITHUB_EVENT_PATH names; an empty object where there is none. */
  readonly payload: Readonly<Record<string, unknown>>
}

export interface WantedInputs {
  readonly repository: { readonly owner: string; readonly name: string }
  /** As given, blanks trimmed; empty for what the job's event is about. */
  readonly ref: string
  readonly allowUnsafePrCheckout: boolean
}

/** What the job asks for, before anything was asked of the origin. */
export interface Wanted {
  /** As actions/checkout's output `ref` gives it; empty where only a commit, or the default branch, is wanted. */
  readonly ref: string
  /** Undefined where the origin has to be asked what `ref`, or the default branch, stands for. */
  readonly commit: string | undefined
}

/** A commit, and what HEAD is to be there. */
export interface Target {
  readonly kind: 'branch' | 'pull' | 'tag' | 'other' | 'commit'
  /** In full, `refs/heads/x` or `refs/pull/1/merge` for example; empty for the kind `commit`. */
  readonly ref: string
  readonly commit: string
}

export interface RefspecChoice {
  /** `wanted`: what leads to the target; `everything`: all branches and tags too, as they are now. */
  readonly history: 'wanted' | 'everything'
  readonly tags: 'none' | 'all'
}

const PULLS = 'refs/pull/'
const ALL_TAGS = `+${TAGS}*:${TAGS}*`

/**
 * What the inputs ask for, and for this job's own repository without a `ref` what the event is about. Throws
 * INVALID_INPUT, and UNSAFE_CHECKOUT where the code of a fork is asked for in a job that has secrets.
 */
export function wantedOf(inputs: WantedInputs, event: JobEvent): Wanted {
  const repository = `${inputs.repository.owner}/${inputs.repository.name}`
  const isOwn = repository.toLowerCase() === event.repository.toLowerCase()
  // What GitHub set for the event is trusted: only what the inputs changed can lead to a fork.
  if (isOwn && inputs.ref === '') return wantedOfEvent(event)
  const wanted = wantedOfRef(inputs.ref)
  if (!inputs.allowUnsafePrCheckout) refuseForkCode({ ...wanted, repository }, event)
  return wanted
}

function wantedOfEvent(event: JobEvent): Wanted {
  if (event.sha !== '' && !isCommitName(event.sha)) {
    throw refused(
      { label: 'Environment variable GITHUB_SHA', value: event.sha },
      'a commit of 40 or 64 hex digits is allowed, the runner sets it',
    )
  }
  const commit = event.sha === '' ? undefined : event.sha.toLowerCase()
  // A merged pull request's event names its base without `refs/heads/`.
  const isShort = commit !== undefined && event.ref !== '' && !isQualified(event.ref)
  const ref = isShort ? `${BRANCHES}${event.ref}` : event.ref
  checkRef(ref, { label: 'Environment variable GITHUB_REF', value: event.ref })
  return { ref, commit }
}

function wantedOfRef(ref: string): Wanted {
  if (isCommitName(ref)) return { ref: '', commit: ref.toLowerCase() }
  checkRef(ref, { label: 'Input ref', value: ref })
  return { ref, commit: undefined }
}

function checkRef(ref: string, given: Given): void {
  if (ref === '' || isRefName(ref)) return
  throw refused(
    given,
    'a branch, a tag, a full ref such as refs/heads/main, or a commit of 40 or 64 hex digits is allowed',
  )
}

/** Whether a ref is given in full; otherwise it is the name of a branch or a tag, and the origin knows which. */
export function isQualified(ref: string): boolean {
  return ref.startsWith('refs/')
}

/** `ref` is a full one, or empty where only the commit is wanted. */
export function targetOf(ref: string, commit: string): Target {
  return { kind: kindOf(ref), ref, commit }
}

function kindOf(ref: string): Target['kind'] {
  if (ref === '') return 'commit'
  if (ref.startsWith(BRANCHES)) return 'branch'
  if (ref.startsWith(PULLS)) return 'pull'
  if (ref.startsWith(TAGS)) return 'tag'
  if (isQualified(ref)) return 'other'
  throw new TypeError(`Not a full ref: ${ref}`)
}

/** The ref that tells, in the clone, where the target was at the origin; a tag keeps its name. */
export function trackingRefOf({ kind, ref }: Target): string | undefined {
  const branch = branchIn(ref)
  if (branch !== undefined) return `${ORIGIN_BRANCHES}${branch}`
  if (kind === 'pull') return `refs/remotes/pull/${ref.slice(PULLS.length)}`
  return kind === 'tag' ? ref : undefined
}

/** What HEAD starts from once everything was fetched. */
export function startPointOf(target: Target): string {
  return trackingRefOf(target) ?? target.commit
}

/**
 * What a fetch from the origin asks for: a tag by its name, so that its annotation comes, all else by the commit.
 * With `everything`, a commit that no branch or tag holds any more still has to be fetched as `wanted`.
 */
export function refspecsFor(target: Target, { history, tags }: RefspecChoice): readonly string[] {
  if (history === 'everything') {
    const own = target.kind === 'pull' ? [refspecOf(target)] : []
    return [`+${BRANCHES}*:${ORIGIN_BRANCHES}*`, ALL_TAGS, ...own]
  }
  if (tags === 'none') return [refspecOf(target)]
  return target.kind === 'tag' ? [ALL_TAGS] : [ALL_TAGS, refspecOf(target)]
}

function refspecOf(target: Target): string {
  const tracking = trackingRefOf(target)
  if (tracking === undefined) return target.commit
  return `+${target.kind === 'tag' ? target.ref : target.commit}:${tracking}`
}
