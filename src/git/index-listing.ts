import type { Git, GitOptions } from './git.ts'
import { GITLINK_MODE } from './index-entries.ts'

/** The names of a few million files. */
export const LISTING_LIMIT_BYTES = 256 * 1024 * 1024
const GITLINK = `${GITLINK_MODE.toString(8)} `

/** What `git ls-files` prints of the index. */
export function listIndex(git: Git, args: readonly string[], options: GitOptions = {}): Promise<string> {
  return git.run(['ls-files', ...args], { ...options, outputLimitBytes: LISTING_LIMIT_BYTES })
}

/** A commit of another repository, in the index. */
export interface Gitlink {
  /** U+FFFD for what is not UTF-8. */
  readonly path: string
  readonly commit: string
}

/** All that the index has, left out of the tree or not. */
export async function gitlinks(git: Git): Promise<readonly Gitlink[]> {
  const entries = (await listIndex(git, ['--stage', '-z'])).split('\0')
  return entries
    .filter((entry) => entry.startsWith(GITLINK))
    .map((entry) => ({ path: entry.slice(entry.indexOf('\t') + 1), commit: entry.split(' ', 2)[1] ?? '' }))
}

export async function submodulePaths(git: Git): Promise<readonly string[]> {
  return (await gitlinks(git)).map(({ path }) => path)
}
