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
import type { Threads } from '../unpack/threads.ts'
import type { Ground, Restoring } from './restoring.ts'

export interface WantedSubmodule {
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
  /** Aborted when the server is to be asked for no other. */
  readonly closing: AbortSignal
  readonly restore: (restoring: Restoring) => Promise<Arrival>
}

/** Puts one submodule into its place, from its snapshot, as git leaves it. On failure the superproject is as it was. */
export async function restoreSubmodule(
  wanted: WantedSubmodule,
  options: SubmoduleRestoreOptions,
): Promise<Superproject> {
  const { job, staging } = options
  const root = join(staging.root, `submodule-${randomUUID()}`)
  const ground = { root, tree: join(root, 'tree'), scratch: join(root, 'scratch'), disk: staging.disk }
  try {
    await growClone(wanted, ground, options)
    const place = await placeSubmodule(ground.tree, wanted.superproject, wanted.submodule)
    return { ...place, git: gitIn(place.tree, job.context) }
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/**
 * The origin has the first word: a commit can name any repository, and for whom the origin does not let in, the
 * snapshot server is neither to act nor to tell what it has.
 */
async function growClone(
  { submodule, location }: WantedSubmodule,
  ground: Ground,
  { job: superprojectJob, session, share, closing, probed, restore }: SubmoduleRestoreOptions,
): Promise<void> {
  const { signal } = superprojectJob.context
  const job = superprojectJob.submodule(submodule, signal)
  const head = await headAtOrigin(job)
  const { snapshot } = await restore({
    job,
    target: targetOf('', submodule.commit),
    session: session.beside(location, { concurrency: share.requests, signal, closing }),
    threads: share.threads,
    // What git has by another remote alone is not asked for where the superproject's answer will do.
    probe: async ({ scratch }) =>
      probed.sparse === undefined
        ? probed
        : probeGit(scratch, job.context, { remoteUrl: job.origin.url, sparse: undefined }),
    publish: async (grow) => {
      await rm(ground.root, { recursive: true, force: true })
      await mkdir(ground.tree, { recursive: true })
      return (await grow(ground)).result
    },
  })
  const [git, gitDirectory] = [gitIn(ground.tree, job.context), join(ground.tree, '.git')]
  const { fetchDepth, lfs } = superprojectJob.inputs
  const branches = fetchDepth === 0 ? 'all' : 'default'
  await setDefaultBranch({ git, gitDirectory, head, older: snapshot?.commit ?? submodule.commit, branches })
  // Git then writes all files anew, with the content that LFS has for them.
  if (lfs) await makeIndex(git, submodule.commit)
}

/** The origin's default branch. Not asked twice: git asks again for what is left to it. */
function headAtOrigin({ context, origin }: Job): Promise<Target> {
  const git = gitOutside(context.temp, context)
  return resolveAtOrigin({ ref: '', commit: undefined }, origin, { git, retries: NO_RETRIES })
}

const NO_RETRIES: GitRetries = {
  random: () => 0,
  wait: async () => {},
  onRetry: (error) => {
    throw error
  },
}
