import type { Git, GitOptions } from './git.ts'
import { GITLINK_MODE } from './index-entries.ts'

/** The names of a few million files. */
const LISTING_LIMIT_BYTES = 256 * 1024 * 1024
const GITLINK = `${GITLINK_MODE.toString(8)} `

/** What `git ls-files` prints of the index. */
export function listIndex(git: Git, args: readonly string[], options: GitOptions = {}): Promise<string> {
  return git.run(['ls-files', ...args], { ...options, outputLimitBytes: LISTING_LIMIT_BYTES })
}

/** Where the index has a commit of another repository, left out or not; U+FFFD for what is not UTF-8. */
export async function submodulePaths(git: Git): Promise<readonly string[]> {
  const entries = await listIndex(git, ['--stage', '-z'])
  return entries
    .split('\0')
    .filter((entry) => entry.startsWith(GITLINK))
    .map((entry) => entry.slice(entry.indexOf('\t') + 1))
}
