import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { git } from './git-repo.ts'
import { listTree } from './working-copy.ts'

/** What a job can notice of a working copy. Names of this one run are replaced by what they stand for. */
export type Portrait = {
  readonly head: string
  /** Empty where HEAD is detached. */
  readonly symbolicRef: string
  /** In words: what `git status` begins with, and `git branch`. */
  readonly standing: readonly string[]
  readonly refs: readonly string[]
  readonly config: readonly string[]
  readonly tree: readonly string[]
  /** A letter for skip-worktree and other bits, mode, object and name of each entry. */
  readonly index: readonly string[]
  readonly status: readonly string[]
  readonly hooks: readonly string[]
  /** Commit, path, configuration and refs of each submodule, and where its repository is. */
  readonly submodules: readonly string[]
}

type Place = {
  readonly directory: string
  readonly workspace: string
  readonly temp: string
  /** Config files that git reads as well. */
  readonly configs?: readonly string[]
}

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** Nothing is changed by it: git refreshes no index meanwhile. */
export async function portraitOf({ directory, workspace, temp, configs = [] }: Place): Promise<Portrait> {
  const named = (text: string) =>
    text.replaceAll(temp, '<temp>').replaceAll(workspace, '<workspace>').replaceAll(UUID, '<uuid>')
  const settings = configs.flatMap((file) => ['-c', `include.path=${file}`])
  const lines = async (...args: string[]) =>
    named(await git(directory, '--no-optional-locks', ...settings, ...args))
      .split('\n')
      .filter(Boolean)
  return {
    head: await git(directory, 'rev-parse', 'HEAD'),
    symbolicRef: await git(directory, 'symbolic-ref', '--quiet', 'HEAD').catch(() => ''),
    standing: [...(await lines('status', '--untracked-files=no')).slice(0, 1), ...(await lines('branch'))],
    refs: await lines('for-each-ref', '--format=%(refname) %(objecttype) %(objectname) %(symref)'),
    config: (await lines('config', '--list', '--show-scope')).filter(isOwnSetting).sort(),
    tree: listTree(directory, { without: '.git' }),
    index: await lines('ls-files', '-t', '--stage'),
    status: await lines('status', '--porcelain=v2', '--branch', '--ignored'),
    hooks: hooksOf(directory),
    submodules: await lines(
      ...['submodule', 'foreach', '--recursive', '--quiet'],
      'echo "$sha1 $displaypath" && git config --local --list | sort && git for-each-ref && cat .git',
    ),
  }
}

/** The commits at which the history is cut off. */
export function shallowCommits(directory: string): string[] {
  const file = join(directory, '.git', 'shallow')
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).sort() : []
}

/** Included credentials count by the setting that includes them: which file applies depends on the directory. */
function isOwnSetting(line: string): boolean {
  return /^(local|worktree)\t/.test(line) && !/\.extraheader=/i.test(line)
}

function hooksOf(directory: string): string[] {
  const hooks = join(directory, '.git', 'hooks')
  return existsSync(hooks)
    ? readdirSync(hooks)
        .filter((name) => !name.endsWith('.sample'))
        .sort()
    : []
}
