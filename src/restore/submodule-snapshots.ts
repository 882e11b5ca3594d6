import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { ActionError, describeError, type ErrorCode } from '../errors.ts'
import { gitIn } from '../git/git.ts'
import { repositoryAt } from '../git/submodule-address.ts'
import { plainSubmodules, type Superproject } from '../git/submodule-listing.ts'
import { hasPlace } from '../git/submodule-place.ts'
import type { Threads } from '../unpack/threads.ts'
import type { BroughtSubmodules } from './arrival.ts'
import {
  restoreSubmodule,
  type Share,
  type SubmoduleRestoreOptions,
  type WantedSubmodule,
} from './submodule-restore.ts'

export type SubmoduleSnapshotsOptions = Omit<SubmoduleRestoreOptions, 'share' | 'closing'> & {
  /** The step's own, none of which runs any more. */
  readonly threads: Threads
}

/**
 * Puts submodules into a superproject that is checked out, each from its own snapshot, and theirs after them where
 * those are wanted. Only those at the superproject's own GitHub server: what a commit says must not have the snapshot
 * server turn to any other. Whatever does not come so is left to git, as is every doubt.
 */
export async function bringSubmodules(options: SubmoduleSnapshotsOptions): Promise<BroughtSubmodules> {
  const { job, session, staging } = options
  const earlierBytes = session.traffic.bytes
  const tree = await realpath(staging.tree)
  const superproject = { git: gitIn(tree, job.context), tree, gitDirectory: join(tree, '.git') }
  session.progress.begin()
  try {
    const silent = new AbortController()
    const count = await bringThoseOf([superproject], MOST, { ...options, silent })
    return { count, bytes: session.traffic.bytes - earlierBytes }
  } finally {
    session.progress.end()
  }
}

/** Of all levels: each is a question to the origin and some to the server, and a commit may name any number. */
const MOST = 100

type Bringing = SubmoduleSnapshotsOptions & {
  /** To be aborted when the server does not answer any more: it is waited for once, and all that is left is fetched. */
  readonly silent: AbortController
}

/** Says how many there are then, of `most` that may be asked for. */
async function bringThoseOf(
  superprojects: readonly Superproject[],
  most: number,
  options: Bringing,
): Promise<number> {
  const { inputs, context } = options.job
  const named: WantedSubmodule[] = []
  for (const superproject of superprojects) named.push(...(await candidatesIn(superproject, options)))
  if (named.length > most) context.log(`Only ${MOST} submodules come from snapshots; the others are fetched`)
  const candidates = named.slice(0, most)
  const restored = await restoreAll(candidates, options)
  if (inputs.submodules !== 'recursive' || restored.length === 0) return restored.length
  return restored.length + (await bringThoseOf(restored, most - candidates.length, options))
}

async function candidatesIn(
  superproject: Superproject,
  { job, session: { location } }: SubmoduleSnapshotsOptions,
): Promise<readonly WantedSubmodule[]> {
  try {
    const candidates: WantedSubmodule[] = []
    for (const submodule of await plainSubmodules(superproject)) {
      const repository = repositoryAt(submodule.url, job.inputs.githubServerUrl)
      if (repository === undefined || location.kind !== 'cachew') continue
      if (!(await hasPlace(superproject, submodule))) continue
      candidates.push({ superproject, submodule, location: location.beside(repository) })
    }
    return candidates
  } catch (error) {
    job.context.signal.throwIfAborted()
    job.context.log(`Submodules are left to git: ${describeError(error)}`)
    return []
  }
}

/** Several at a time; resolves with those that are there then. */
async function restoreAll(
  candidates: readonly WantedSubmodule[],
  options: Bringing,
): Promise<readonly Superproject[]> {
  const restored: Superproject[] = []
  const { silent } = options
  const queue = candidates.values()
  const lane = async (share: Share): Promise<void> => {
    for (const candidate of queue) {
      if (silent.signal.aborted) return
      const submodule = await restoreIfThere(candidate, { ...options, share })
      if (submodule !== undefined) restored.push(submodule)
    }
  }
  const shares = sharesOf(options.job.inputs.concurrency, options.threads, candidates.length)
  const lanes = await Promise.allSettled(shares.map(lane))
  for (const outcome of lanes) if (outcome.status === 'rejected') throw outcome.reason
  return restored
}

async function restoreIfThere(
  candidate: WantedSubmodule,
  { silent, ...options }: Bringing & Pick<SubmoduleRestoreOptions, 'share'>,
): Promise<Superproject | undefined> {
  const { signal, log } = options.job.context
  try {
    return await restoreSubmodule(candidate, { ...options, closing: silent.signal })
  } catch (error) {
    signal.throwIfAborted()
    if (error === silent.signal.reason) return undefined
    const isSilent = error instanceof ActionError && OF_SILENCE.has(error.code)
    if (isSilent) silent.abort(error)
    const others = isSilent ? '; so are those that are not on their way yet' : ''
    log(`The submodule ${candidate.submodule.path} is fetched: ${describeError(error)}${others}`)
    return undefined
  }
}

/** What git never fails with: the snapshot server does, and who asks it again waits as long again. */
const OF_SILENCE: ReadonlySet<ErrorCode> = new Set([
  'CONNECTION_FAILED',
  'TLS_FAILED',
  'PROXY_FAILED',
  'STALLED',
  'TIMEOUT',
])

/** Each has a thread and a decoder, 20 MiB: with four the step takes 264 MiB at the defaults, with three 244. */
const MOST_AT_ONCE = 3
/** With one request a snapshot comes as one body. */
const LEAST_REQUESTS = 2

/**
 * What each of the submodules in flight may take of the step's budget. Their requests add up to `concurrency`, and so
 * their downloads' memory to the step's `2 x concurrency x chunk-size`; each has one writer and one decoder at least.
 */
export function sharesOf(concurrency: number, threads: Threads, submodules: number): readonly Share[] {
  const fitting = Math.max(1, Math.floor(concurrency / LEAST_REQUESTS))
  const count = Math.min(submodules, MOST_AT_ONCE, fitting)
  const part = (whole: number): number => Math.max(1, Math.floor(whole / count))
  return Array.from({ length: count }, (_, index) => ({
    requests: Math.floor((concurrency + index) / count),
    threads: { writers: part(threads.writers), decoders: part(threads.decoders) },
  }))
}
