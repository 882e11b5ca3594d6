import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { describeError } from '../errors.ts'
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

export type SubmoduleSnapshotsOptions = Omit<SubmoduleRestoreOptions, 'share'> & {
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
    const count = await bringThoseOf([superproject], MOST, options)
    return { count, bytes: session.traffic.bytes - earlierBytes }
  } finally {
    session.progress.end()
  }
}

/** Of all levels: each is a question to the origin and some to the server, and a commit may name any number. */
const MOST = 100

/** Says how many there are then, of `most` that may be asked for. */
async function bringThoseOf(
  superprojects: readonly Superproject[],
  most: number,
  options: SubmoduleSnapshotsOptions,
): Promise<number> {
  const { inputs, context } = options.job
  const named = (await Promise.all(superprojects.map((each) => candidatesIn(each, options)))).flat()
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
  options: SubmoduleSnapshotsOptions,
): Promise<readonly Superproject[]> {
  const restored: Superproject[] = []
  const queue = candidates.values()
  const lane = async (share: Share): Promise<void> => {
    for (const candidate of queue) {
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
  options: SubmoduleRestoreOptions,
): Promise<Superproject | undefined> {
  const { signal, log } = options.job.context
  try {
    return await restoreSubmodule(candidate, options)
  } catch (error) {
    signal.throwIfAborted()
    log(`The submodule ${candidate.submodule.path} is fetched: ${describeError(error)}`)
    return undefined
  }
}

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
