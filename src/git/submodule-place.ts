import { mkdir, realpath, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { ActionError } from '../errors.ts'
import { renamePatiently } from '../patient-rename.ts'
import { addSettings } from './config-file.ts'
import type { Git } from './git.ts'
import { lstatOf } from './presence.ts'
import { branchIn, ORIGIN_BRANCHES } from './ref-name.ts'
import type { Submodule, Superproject } from './submodule-listing.ts'
import type { Target } from './wanted.ts'

export interface DefaultBranchOptions {
  readonly git: Git
  /** Of the clone. */
  readonly gitDirectory: string
  /** The origin's default branch. */
  readonly head: Target
  /** What the clone has of it, where it lacks the commit. */
  readonly older: string
  /** `all`: they were fetched; `default`: no other is to be fetched, ever. */
  readonly branches: 'all' | 'default'
}

/** Gives a clone with a detached HEAD the default branch, as `git clone` does. */
export async function setDefaultBranch(options: DefaultBranchOptions): Promise<void> {
  const { git, gitDirectory, head, older, branches } = options
  const branch = branchIn(head.ref)
  if (branch === undefined) return
  const tracking = `${ORIGIN_BRANCHES}${branch}`
  if (branches === 'default') {
    const isThere = await git.succeeds(['merge-base', '--is-ancestor', older, head.commit])
    await git.run(['update-ref', tracking, isThere ? head.commit : older])
    await git.run(['config', '--local', 'remote.origin.fetch', `+${head.ref}:${tracking}`])
  }
  await git.run(['update-ref', head.ref, tracking])
  await git.run(['symbolic-ref', `${ORIGIN_BRANCHES}HEAD`, tracking])
  const section = `branch.${branch}`
  await addSettings(join(gitDirectory, 'config'), [
    [`${section}.remote`, 'origin'],
    [`${section}.merge`, head.ref],
  ])
}

/** Whether the submodule's directory is there, and no link leads to it: a sparse checkout leaves it out. */
export async function hasPlace(
  { tree }: Pick<Superproject, 'tree'>,
  { path }: Pick<Submodule, 'path'>,
): Promise<boolean> {
  const place = join(tree, path)
  return (await lstatOf(place))?.isDirectory() === true && (await realpath(place)) === place
}

/**
 * Moves a clone to where its submodule is to be: the files into the tree, its `.git` into the superproject's, and
 * only relative paths between the two. Where there is no empty directory for it, the superproject stays as it is. The
 * superproject's paths are free of links.
 */
export async function placeSubmodule(
  clone: string,
  superproject: Superproject,
  { name, path }: Submodule,
): Promise<Pick<Superproject, 'tree' | 'gitDirectory'>> {
  const tree = join(superproject.tree, path)
  const gitDirectory = join(superproject.gitDirectory, 'modules', name)
  if ((await realpath(tree)) !== tree) throw refused(path, 'a link leads to its directory')
  if ((await lstatOf(gitDirectory)) !== undefined) throw refused(path, 'its repository is there already')
  const worktree = slashed(relative(gitDirectory, tree))
  await addSettings(join(clone, '.git', 'config'), [['core.worktree', worktree]])
  await rmdir(tree)
  try {
    await mkdir(dirname(gitDirectory), { recursive: true })
    await renamePatiently(join(clone, '.git'), gitDirectory)
    await writeFile(join(clone, '.git'), `gitdir: ${slashed(relative(tree, gitDirectory))}\n`, { flag: 'wx' })
    await renamePatiently(clone, tree)
  } catch (error) {
    // What led here is what is told, also where there is no way back.
    await Promise.allSettled([rm(gitDirectory, { recursive: true, force: true }), mkdir(tree)])
    throw error
  }
  return { tree, gitDirectory }
}

function refused(path: string, reason: string): ActionError {
  return new ActionError('UNSAFE_GIT', `the submodule ${path} has no place of its own: ${reason}`)
}

function slashed(path: string): string {
  return path.split(sep).join('/')
}
