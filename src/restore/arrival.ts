import { join } from 'node:path'
import type { Environment } from '../environment.ts'
import { type CheckOutOptions, checkOut } from '../git/check-out.ts'
import { type Git, gitIn } from '../git/git.ts'
import { submodulePaths } from '../git/index-listing.ts'
import { refuseRepositoriesIn } from '../git/leftovers.ts'
import { checkOutLfs } from '../git/lfs.ts'
import { updateSubmodules } from '../git/submodules.ts'
import type { Target } from '../git/wanted.ts'
import type { Inputs } from '../inputs.ts'
import type { Job } from '../job.ts'
import { counted, formatMegabytes } from '../report/amounts.ts'

export interface Place {
  /** Where the clone lies now, which holds the target's commit. */
  readonly tree: string
  readonly clone: 'new' | 'reused'
  /** `remove` where there may be files that no commit knows. */
  readonly untracked: 'keep' | 'remove'
  /**
   * Where the clone has the wanted sparse patterns, if any, before its files are checked out: `set` where its index
   * tells of them already.
   */
  readonly patterns?: 'set' | 'written'
  /** Whether git may have to ask the origin for contents while it checks out. */
  readonly isPartial: boolean
  /** Brings LFS content from elsewhere than the origin. */
  readonly bringLfsObjects?: (() => Promise<unknown>) | undefined
  /** Brings submodules that need not be fetched then. */
  readonly bringSubmodules?: (() => Promise<BroughtSubmodules>) | undefined
}

export interface BroughtSubmodules {
  readonly count: number
  /** That came over the wire for them. */
  readonly bytes: number
}

/** Leaves a clone as actions/checkout leaves it: HEAD, files, LFS content, submodules, credentials. */
export async function arrive(job: Job, target: Target, place: Place): Promise<void> {
  const { inputs, context, origin, destination, timeline, onProgress: onLine } = job
  const { tree, clone, untracked, isPartial } = place
  const git = gitIn(tree, context)
  const sparse = sparseOf(place, inputs)
  const env: Environment = isPartial ? { ...origin.env, GIT_NO_LAZY_FETCH: undefined } : {}
  const how = { git, tree, target, sparse, clone, untracked, env, onLine }
  await timeline.measure('check out', () => checkOut(how))
  if (inputs.lfs) await timeline.measure('lfs', () => fillLfsFiles(job, target, { ...place, git }))
  const submodules = await arriveAtSubmodules(job, { ...place, git })
  if (!inputs.persistCredentials) return
  const finalGitDirectory = join(destination, '.git')
  await job.credentials.persist({
    gitDirectory: join(tree, '.git'),
    finalGitDirectory,
    workspace: inputs.workspace,
    submodules: submodules.map((directory) => join(finalGitDirectory, directory)),
  })
}

/** What is still to be done about sparse patterns. */
function sparseOf({ patterns }: Place, { sparse }: Inputs): CheckOutOptions['sparse'] {
  if (patterns === undefined || sparse === undefined) return sparse
  return patterns === 'set' ? undefined : patterns
}

function fillLfsFiles(job: Job, { commit }: Target, place: Place & { readonly git: Git }): Promise<number> {
  const { inputs, origin, retries, onProgress } = job
  const { git, tree, bringLfsObjects: bringObjects } = place
  const isSparse = inputs.sparse !== undefined
  return checkOutLfs({ git, tree, commit, env: origin.env, isSparse, retries, bringObjects, onProgress })
}

async function arriveAtSubmodules(
  job: Job,
  { tree, clone, git, bringSubmodules }: Place & { readonly git: Git },
): Promise<readonly string[]> {
  const { inputs, context, credentials, retries, onProgress } = job
  const { submodules: mode, fetchDepth: depth, lfs: hasLfs } = inputs
  if (mode === 'none') return []
  if (clone === 'reused') await refuseRepositoriesIn(await submodulePaths(git), tree)
  const env = { ...context.env, ...credentials.submoduleEnv }
  const options = { git, tree, mode, depth, hasLfs, env, retries, onProgress }
  return job.timeline.measure('submodules', async () => {
    const brought = await bringSubmodules?.()
    const all = await updateSubmodules(options)
    if (brought !== undefined && all.length > 0) context.log(submodulesLine(all.length, brought))
    return all
  })
}

function submodulesLine(all: number, { count, bytes }: BroughtSubmodules): string {
  return `${counted(all, 'submodule')}: ${count} from snapshots (${formatMegabytes(bytes)}), ${all - count} fetched`
}
