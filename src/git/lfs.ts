import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '../environment.ts'
import { ActionError } from '../errors.ts'
import { type Git, type GitOptions, isGitFailure } from './git.ts'
import { isLfsObject, lfsObjectPath } from './lfs-object.ts'
import { type LfsPointer, lfsPointers } from './lfs-pointer.ts'
import { type GitRetries, withGitRetries } from './origin.ts'

export interface LfsOptions {
  /** Of the tree, which is checked out with pointers in the place of content. */
  readonly git: Git
  readonly tree: string
  /** What is checked out. */
  readonly commit: string
  /** What lets git in at the origin. */
  readonly env: Environment
  /** Where only a part is checked out, only that part's objects are asked for. */
  readonly isSparse: boolean
  readonly retries: GitRetries
  /** Called when content is missing, before the origin is asked: may put objects into `.git/lfs/objects`. */
  readonly bringObjects?: (() => Promise<unknown>) | undefined
  readonly onProgress: ((line: string) => void) | undefined
}

/** Git-lfs puts hooks where git would look for them, which otherwise is nowhere. */
const HOOKS_IN_PLACE = { 'core.hooksPath': '.git/hooks' }

/** Rejects, with words on what to do, where there is no git-lfs. Any directory's git will do. */
export async function requireLfs(git: Git): Promise<void> {
  try {
    await git.run(['lfs', 'version'])
  } catch (cause) {
    if (!isGitFailure(cause)) throw cause
    const message =
      'Input lfs is true, which needs git-lfs, and it was not found: install git-lfs on the runner'
    throw new ActionError('GIT_MISSING', message, { cause })
  }
}

/**
 * Puts LFS content into a tree of pointers, and git-lfs into its configuration, as actions/checkout does. What
 * is there already is asked for nowhere. Resolves how many files got their content.
 */
export async function checkOutLfs(options: LfsOptions): Promise<number> {
  const { git, tree, commit } = options
  await git.run(['lfs', 'install', '--local'], { config: HOOKS_IN_PLACE })
  const pointers = await lfsPointers(git, tree)
  if (pointers.length > 0) {
    await removeDamagedObjects(pointers, join(tree, '.git'))
    await options.bringObjects?.()
    await writeContent(pointers, options)
  }
  // What the hook would do: files that are locked before they are changed become read-only.
  await git.run(['lfs', 'post-checkout', commit, commit, '0'])
  return pointers.length
}

/** Objects that came with a snapshot, or were left over, are not believed: git-lfs would not look at them again. */
async function removeDamagedObjects(pointers: readonly LfsPointer[], gitDirectory: string): Promise<void> {
  for (const oid of new Set(pointers.map((pointer) => pointer.oid))) {
    if (oid === undefined) continue
    const object = join(gitDirectory, lfsObjectPath(oid))
    if (!(await isLfsObject(object, oid))) await rm(object, { force: true })
  }
}

/** Git writes no file anew whose pointer is as the index has it, so the pointers go first. */
async function writeContent(pointers: readonly LfsPointer[], options: LfsOptions): Promise<void> {
  const { git, commit, isSparse, retries, onProgress } = options
  const env = { ...options.env, GIT_LFS_SKIP_SMUDGE: undefined, GIT_NO_LAZY_FETCH: undefined }
  const run = (args: readonly string[], more: GitOptions = {}): Promise<string> =>
    withGitRetries(() => git.run(args, { env, onLine: onProgress, ...more }), retries, 'The Git LFS server')
  if (!isSparse) await run(['lfs', 'fetch', 'origin', commit])
  for (const { file } of pointers) await rm(file, { force: true })
  await run(['checkout', '--pathspec-from-file=-'], {
    env: { ...env, GIT_LITERAL_PATHSPECS: '1' },
    input: Buffer.from(pointers.map(({ name }) => `${name}\n`).join('')),
  })
}
