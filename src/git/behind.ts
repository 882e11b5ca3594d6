import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type GitContext, gitIn, isGitFailure } from './git.ts'

/** More commits than this are not counted. */
export const MOST_COUNTED = 1000

export interface BehindOptions extends GitContext {
  /** Absolute path of the working copy. */
  readonly tree: string
  readonly base: string
  readonly commit: string
}

/** Commits that `commit` has and `base` has not, at most MOST_COUNTED. Undefined where history or `base` is not there. */
export async function commitsBehind(options: BehindOptions): Promise<number | undefined> {
  const { tree, base, commit } = options
  if (existsSync(join(tree, '.git', 'shallow'))) return undefined
  try {
    const args = ['rev-list', '--count', `--max-count=${MOST_COUNTED}`, commit, `^${base}`]
    return Number(await gitIn(tree, options).run(args))
  } catch (error) {
    if (isGitFailure(error)) return undefined
    throw error
  }
}
