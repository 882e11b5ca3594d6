import { realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import type { Environment } from '../environment.ts'
import { ActionError } from '../errors.ts'
import { sanitize } from '../sanitize.ts'
import type { Git } from './git.ts'
import { type GitRetries, NETWORK_CONFIG, withGitRetries } from './origin.ts'
import { type Setting, settingsIn } from './settings.ts'

export interface SubmoduleOptions {
  /** Of the tree, which is checked out. */
  readonly git: Git
  readonly tree: string
  readonly mode: 'direct' | 'recursive'
  /** How many commits of a submodule; 0 for all. */
  readonly depth: number
  /** Whether LFS files of submodules get their content, where git-lfs is installed for more than one repository. */
  readonly hasLfs: boolean
  /** All variables for it, the job's as well: what lets git in, and what leads it to other addresses. */
  readonly env: Environment
  readonly retries: GitRetries
  readonly onProgress: ((line: string) => void) | undefined
}

/** No garbage collection while a job works, and where the submodule's repository is. */
const SETTLE = 'git config --local gc.auto 0 && git rev-parse --absolute-git-dir'

/**
 * Checks out the submodules that the commit names, as actions/checkout does. Git keeps relative paths between a
 * submodule and its repository: the tree may be moved afterwards. Resolves where their repositories are, relative
 * to the tree's `.git`.
 */
export async function updateSubmodules(options: SubmoduleOptions): Promise<readonly string[]> {
  const { git, tree, retries, onProgress } = options
  const env = environmentOf(options)
  const recursive = options.mode === 'recursive' ? ['--recursive'] : []
  const depth = options.depth > 0 ? [`--depth=${options.depth}`] : []
  await git.run(['submodule', 'sync', ...recursive], { env })
  const update = ['submodule', 'update', '--init', '--force', ...depth, ...recursive]
  const asked = { env, config: NETWORK_CONFIG, onLine: onProgress }
  await withGitRetries(() => git.run(update, asked), retries, 'A submodule')
  const printed = await git.run(['submodule', '--quiet', 'foreach', ...recursive, SETTLE], { env })
  const root = await realpath(tree)
  return printed
    .split('\n')
    .filter((line) => line !== '')
    .map((directory) => belowDotGit(directory, root))
}

function belowDotGit(directory: string, root: string): string {
  const resolved = directory.split('/').join(sep)
  if (resolved.startsWith(root + sep)) return relative(join(root, '.git'), resolved)
  throw new ActionError(
    'UNSAFE_GIT',
    `a submodule has its repository in ${sanitize(directory)}, outside of the working copy: remove that submodule`,
  )
}

/**
 * As for any command in the tree, but a submodule may lie where git's own protocol is spoken. Up to git 2.38 much of
 * `git submodule` is a shell script that unsets GIT_CONFIG_COUNT for fetches and for nested submodules, and keeps
 * only the settings that `-c` would have made (GIT_CONFIG_PARAMETERS).
 */
function environmentOf({ env, hasLfs }: SubmoduleOptions): Environment {
  return {
    ...env,
    GIT_ALLOW_PROTOCOL: 'https:http:ssh:git',
    GIT_LFS_SKIP_SMUDGE: hasLfs ? undefined : '1',
    GIT_NO_LAZY_FETCH: undefined,
    GIT_CONFIG_COUNT: undefined,
    GIT_CONFIG_PARAMETERS: settingsIn(env).map(asParameter).join(' '),
  }
}

function asParameter([key, value]: Setting): string {
  return `${shellQuoted(key)}=${shellQuoted(value)}`
}

function shellQuoted(text: string): string {
  return `'${text.replace(/['!]/g, "'\\$&'")}'`
}
