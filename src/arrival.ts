import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ActionError } from './errors.ts'
import { checkOut, submodulePaths } from './git/check-out.ts'
import { type Environment, type Git, gitIn } from './git/git.ts'
import { checkOutLfs } from './git/lfs.ts'
import { updateSubmodules } from './git/submodules.ts'
import type { Target } from './git/wanted.ts'
import type { Job } from './job.ts'
import { sanitize } from './sanitize.ts'

export interface Place {
  /** Where the clone lies now, which holds the target's commit. */
  readonly tree: string
  readonly clone: 'new' | 'reused'
  /** `remove` where there may be files that no commit knows. */
  readonly untracked: 'keep' | 'remove'
  /** Whether git may have to ask the origin for contents while it checks out. */
  readonly isPartial: boolean
  /** Brings LFS content from elsewhere than the origin. */
  readonly bringLfsObjects?: () => Promise<void>
}

/** Leaves a clone as actions/checkout leaves it: HEAD, files, LFS content, submodules, credentials. */
export async function arrive(job: Job, target: Target, place: Place): Promise<void> {
  const { inputs, context, origin, destination, onProgress } = job
  const { tree, clone, untracked, isPartial } = place
  const git = gitIn(tree, context)
  const { sparse } = inputs
  const env: Environment = isPartial ? { ...origin.env, GIT_NO_LAZY_FETCH: undefined } : {}
  const progress = onProgress === undefined ? {} : { onLine: onProgress }
  await checkOut({ git, tree, target, sparse, clone, untracked, env, ...progress })
  if (inputs.lfs) await fillLfsFiles(job, target, { ...place, git })
  const submodules = await arriveAtSubmodules(job, { ...place, git })
  if (!inputs.persistCredentials) return
  const finalGitDirectory = join(destination, '.git')
  await job.credentials.persist({
    gitDirectory: join(tree, '.git'),
    finalGitDirectory,
    workspace: inputs.workspace,
    git,
    submodules: submodules.map((directory) => join(finalGitDirectory, directory)),
  })
}

function fillLfsFiles(job: Job, { commit }: Target, place: Place & { readonly git: Git }): Promise<number> {
  const { inputs, origin, retries, onProgress } = job
  const { git, tree, bringLfsObjects: bringObjects } = place
  const isSparse = inputs.sparse !== undefined
  const elsewhere = bringObjects === undefined ? {} : { bringObjects }
  return checkOutLfs({ git, tree, commit, env: origin.env, isSparse, retries, onProgress, ...elsewhere })
}

async function arriveAtSubmodules(
  job: Job,
  { tree, clone, git }: Place & { readonly git: Git },
): Promise<readonly string[]> {
  const { inputs, context, credentials, retries, onProgress } = job
  const { submodules: mode, fetchDepth: depth, lfs: hasLfs } = inputs
  if (mode === 'none') return []
  if (clone === 'reused') await refusePlanted(git, tree)
  const env = { ...context.env, ...credentials.submoduleEnv }
  return updateSubmodules({ git, tree, mode, depth, hasLfs, env, retries, onProgress })
}

/** What an earlier job put where a submodule goes would run with what lets this one in. */
async function refusePlanted(git: Git, tree: string): Promise<void> {
  for (const path of await submodulePaths(git)) {
    if (!existsSync(join(tree, path, '.git'))) continue
    throw new ActionError(
      'GIT_FAILED',
      `there is a repository in the place of the submodule ${sanitize(path)}`,
    )
  }
}
