import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { quotedSubsection, quotedValue } from './config-file.ts'
import type { DotGit } from './dotgit.ts'
import { type Git, type GitContext, gitIn } from './git.ts'
import { BRANCHES, ORIGIN_BRANCHES } from './ref-name.ts'
import type { SparseFiles } from './sparse.ts'

export interface ConfigSource {
  /** What probeConfig or probeGit gave. */
  readonly probedConfig: string
  /** The sparse patterns that belong to it. */
  readonly sparse?: SparseFiles | undefined
  /** `https://host/owner/repo`, without `.git`, as actions/checkout writes it. */
  readonly remoteUrl: string
}

/** The `[core]` that `git init` writes for this file system, as text. The directory is as for inScratchRepository. */
export function probeConfig(directory: string, context: GitContext): Promise<string> {
  return inScratchRepository(directory, context, (_, gitDirectory) => configIn(gitDirectory))
}

/** Looks at a new repository in `directory`, which must not exist and lies beside the tree, and removes it. */
export async function inScratchRepository<T>(
  directory: string,
  context: GitContext,
  look: (git: Git, gitDirectory: string) => Promise<T>,
): Promise<T> {
  await mkdir(directory)
  try {
    const git = gitIn(directory, context)
    const config = { 'init.defaultObjectFormat': 'sha1', 'init.defaultRefFormat': 'files' }
    await git.run(['init', '--quiet', '--template='], { config })
    return await look(git, join(directory, '.git'))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The text of a repository's config. */
export function configIn(gitDirectory: string): Promise<string> {
  return readFile(join(gitDirectory, 'config'), 'latin1')
}

/**
 * The whole `.git/config`, latin1 text of its bytes: what `git clone` writes, and no garbage collection while
 * a job works.
 */
export function freshConfig(
  { objectFormat, refFormat, branch }: Omit<DotGit, 'refs'>,
  source: ConfigSource,
): string {
  const extensions = [
    ...(objectFormat === 'sha256' ? ['\tobjectformat = sha256\n'] : []),
    ...(refFormat === 'reftable' ? ['\trefstorage = reftable\n'] : []),
  ]
  const plainCore = source.probedConfig
  const core =
    extensions.length === 0
      ? plainCore
      : `${plainCore.replace(/(?<=repositoryformatversion = )0/, '1')}[extensions]\n${extensions.join('')}`
  const remote = Buffer.from(source.remoteUrl, 'utf8').toString('latin1')
  return [
    core,
    `[remote "origin"]\n\turl = ${quotedValue(remote)}\n\tfetch = +${BRANCHES}*:${ORIGIN_BRANCHES}*\n`,
    '[gc]\n\tauto = 0\n',
    branch === undefined ? '' : branchSection(branch),
  ].join('')
}

/** The upstream of a branch, as `git clone` sets it; `branch` is latin1 of its raw bytes. */
export function branchSection(branch: string): string {
  const merge = quotedValue(`${BRANCHES}${branch}`)
  return `[branch ${quotedSubsection(branch)}]\n\tremote = origin\n\tmerge = ${merge}\n`
}
