import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { gitIn, gitOutside } from '../git/git.ts'
import { type GitRetries, resolveAtOrigin } from '../git/origin.ts'
import { type Probed, probeGit } from '../git/probe.ts'
import { makeIndex } from '../git/settle.ts'
import type { Submodule, Superproject } from '../git/submodule-listing.ts'
import { placeSubmodule, setDefaultBranch } from '../git/submodule-place.ts'
import { type Target, targetOf } from '../git/wanted.ts'
import type { Job } from '../job.ts'
import type { Arrival } from '../report/report.ts'
import type { CachewLocation } from '../snapshot/locate.ts'
import type { Session } from '../source/session.ts'
import { together } from '../together.ts'
import type { Threads } from '../unpack/threads.ts'
import type { Ground, Restoring } from './restoring.ts'

export interface Wanted {
  readonly superproject: Superproject
  readonly submodule: Submodule
  /** Of its snapshot. */
  readonly location: CachewLocation
}

/** The part of a step's budget that one submodule may take. */
export interface Share {
  readonly requests: number
  readonly threads: Threads
}

export interface SubmoduleRestoreOptions {
  /** The superproject's. */
  readonly job: Job
  readonly session: Session
  /** The superproject's, in which there is room for others. */
  readonly staging: Ground
  /** By the superproject. */
  readonly probed: Probed
  readonly share: Share
  readonly restore: (restoring: Restoring) => Promise<Arrival>
}

/**
 * Puts one submodule into its place, from its snapshot, as git would leave it. On failure the superproject is as it
 * was. The origin has a word in it: a commit can name any repository, and a snapshot is not for those whom the origin
 * does not let in.
 */
export async function restoreSubmodule(
  { superproject, submodule, location }: Wanted,
  options: SubmoduleRestoreOptions,
): Promise<Superproject> {
  const { staging, share, probed, restore } = options
  const { context, inputs } = options.job
  const root = join(staging.root, `submodule-${randomUUID()}`)
  const ground = { root, tree: join(root, 'tree'), scratch: join(root, 'scratch'), room: staging.room }
  const stopped = new AbortController()
  const orStop = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      stopped.abort(error)
      throw error
    })
  const job = options.job.submodule(submodule, AbortSignal.any([context.signal, stopped.signal]))
  const { signal } = job.context
  try {
    const restoring = restore({
      job,
      target: targetOf('', submodule.commit),
      session: options.session.beside(location, { concurrency: share.requests, signal }),
      threads: share.threads,
      probe: async ({ scratch }) =>
        probed.sparse === undefined ? probed : probeGit(scratch, job.context, undefined),
      publish: async (grow) => {
        await rm(root, { recursive: true, force: true })
        await mkdir(ground.tree, { recursive: true })
        return (await grow(ground)).result
      },
    })
    const [head, { snapshot }] = await together(orStop(headAtOrigin(job)), orStop(restoring))
    const { tree } = ground
    const [git, gitDirectory] = [gitIn(tree, job.context), join(tree, '.git')]
    const older = snapshot?.commit ?? submodule.commit
    const branches = inputs.fetchDepth === 0 ? 'all' : 'default'
    await setDefaultBranch({ git, gitDirectory, head, older, branches })
    // Git writes all files anew, with the content that LFS has for them.
    if (inputs.lfs) await makeIndex(git, submodule.commit)
    const place = await placeSubmodule(tree, superproject, submodule)
    return { ...place, git: gitIn(place.tree, context) }
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** The origin's default branch. Not asked twice: git asks again for what is left to it. */
function headAtOrigin({ context, origin }: Job): Promise<Target> {
  const git = gitOutside(context.temp, context)
  return resolveAtOrigin({ ref: '', commit: undefined }, origin, { git, retries: NONE })
}

const NONE: GitRetries = {
  random: () => 0,
  wait: async () => {},
  onRetry: (error) => {
    throw error
  },
}
