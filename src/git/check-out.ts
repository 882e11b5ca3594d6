import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '../environment.ts'
import { ActionError } from '../errors.ts'
import type { Git } from './git.ts'
import { submodulePaths } from './index-listing.ts'
import { formatOfName } from './object-format.ts'
import { proveBlobs } from './proof.ts'
import { branchIn } from './ref-name.ts'
import { commitOf } from './refs.ts'
import { endSparse, type Sparse, setSparse } from './sparse.ts'
import { startPointOf, type Target } from './wanted.ts'

export interface CheckOutOptions {
  readonly git: Git
  /** Absolute path of the working copy, where it lies now. */
  readonly tree: string
  /** Its commit is there, its tracking ref says so, and no other local branch is left. */
  readonly target: Target
  /** `written` where the clone has the wanted patterns, which git has not applied yet. */
  readonly sparse: Sparse | 'written' | undefined
  /** `new`: this step made config and index. `reused`: only the config, and the index may leave files out. */
  readonly clone: 'new' | 'reused'
  /** What becomes of files that no commit knows. Where they are removed, the blobs of files to be written are proven. */
  readonly untracked: 'keep' | 'remove'
  /** For the processes that write files: what a partial clone needs to get what it lacks. */
  readonly env?: Environment
  /** Told git's progress. */
  readonly onLine?: ((line: string) => void) | undefined
}

/**
 * Leaves HEAD, the target's branch, sparse patterns, index and files as actions/checkout does, and returns the commit.
 * Tracked files that are missing or changed are written anew; a file whose index entry proves it is not touched.
 */
export async function checkOut(options: CheckOutOptions): Promise<string> {
  const { git, tree, target, sparse, clone, untracked, env = {} } = options
  const gitDirectory = join(tree, '.git')
  // First, as git keeps a directory outside sparse patterns that holds a foreign file.
  if (untracked === 'remove') await removeUntracked(git, tree)
  // By the checkout itself git keeps a file outside the patterns in whose place the target has a submodule.
  if (sparse === 'written') await git.run(['sparse-checkout', 'reapply'], { env })
  else if (sparse !== undefined) await setSparse(git, gitDirectory, sparse, { env })
  else if (clone === 'reused') await endSparse(git, gitDirectory, { env })
  // A file that had proven its blob may be gone now: git asks the same of the files next, and writes those it misses.
  if (untracked === 'remove') {
    await proveBlobs({ git, commit: target.commit, objectFormat: formatOfName(target.commit) }, 'files')
  }
  await switchTo(target, options)
  const commit = await commitOf(git)
  if (commit === target.commit) return commit
  throw new ActionError(
    'COMMIT_MISMATCH',
    `HEAD is at ${commit} after the checkout of ${startPointOf(target)}, not at ${target.commit} as wanted: ` +
      'run the job again',
  )
}

/** Quiet, or git would walk through the history to tell what HEAD has left behind. */
async function switchTo(target: Target, { git, env = {}, onLine }: CheckOutOptions): Promise<void> {
  const startPoint = startPointOf(target)
  const branch = branchIn(target.ref)
  const head = branch === undefined ? ['--detach'] : ['-B', branch]
  const progress = onLine === undefined ? [] : ['--progress']
  await git.run(['checkout', '--quiet', ...progress, '--force', ...head, startPoint, '--'], { env, onLine })
}

async function removeUntracked(git: Git, tree: string): Promise<void> {
  await git.run(['clean', '--quiet', '-ffdx'])
  // Git takes what lies in a submodule's directory for the submodule's, and leaves it alone.
  for (const path of await submodulePaths(git)) {
    const directory = join(tree, path)
    if (path.includes('\ufffd') || !existsSync(directory)) continue
    await rm(directory, { recursive: true, force: true })
    await mkdir(directory, { recursive: true })
  }
}
