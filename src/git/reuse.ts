import { rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describeError } from '../errors.ts'
import { settingsOf } from './config-file.ts'
import type { DotGit } from './dotgit.ts'
import { type ConfigSource, freshConfig } from './fresh-config.ts'
import { type Git, type GitContext, gitIn, isGitFailure } from './git.ts'
import type { ObjectFormat } from './index-entries.ts'
import { listIndex, submodulePaths } from './index-listing.ts'
import { dropLeftovers, dropRepositoriesIn, isPlainRepository, refuseRepositoriesIn } from './leftovers.ts'
import { readPlainRefs, writePlainRefs } from './plain-refs.ts'
import { commitOf, dropConflictingRefs, dropOtherBranches, dropReplaceRefs } from './refs.ts'
import type { Setting } from './settings.ts'
import type { Target } from './wanted.ts'

/** What has to be known of a clone to write its config anew. */
export interface Reusable {
  readonly objectFormat: ObjectFormat
  readonly refFormat: DotGit['refFormat']
  /** What git was told to leave out when it fetched; such a clone needs the origin for what it lacks. */
  readonly partialFilter: string | undefined
}

export interface ReuseOptions extends ConfigSource, GitContext {
  readonly destination: string
  readonly reusable: Reusable
  readonly target: Target
  /** Whether files that no commit knows are removed, and changed ones put back. */
  readonly clean: boolean
  readonly log: (line: string) => void
}

const SETTINGS = String.raw`^(remote\.origin\.(url|partialclonefilter)|remote\..*\.promisor|extensions\..*)$`
const FILTER = /^[\w:=+.,%-]+$/

/**
 * Whether the destination holds a clone of exactly this remote that can be made safe. Git reads nothing but the
 * text of its config for this. A clone with submodules is not taken: each has a config and hooks of its own.
 */
export async function findReusable(
  destination: string,
  remoteUrl: string,
  context: GitContext,
): Promise<Reusable | undefined> {
  const dotGit = join(destination, '.git')
  if (!(await isPlainRepository(dotGit))) return undefined
  const settings = await readSettings(gitIn(destination, context), join(dotGit, 'config'))
  if (settings === undefined) return undefined
  const valuesOf = (key: string) => settings.filter(([name]) => name === key).map(([, value]) => value)
  const [url, ...otherUrls] = valuesOf('remote.origin.url')
  if (url !== remoteUrl || otherUrls.length > 0) return undefined
  return reusableOf(new Map(settings))
}

async function readSettings(git: Git, config: string): Promise<readonly Setting[] | undefined> {
  try {
    return await settingsOf(config, git, ['--get-regexp', SETTINGS])
  } catch (error) {
    if (isGitFailure(error)) return undefined
    throw error
  }
}

/** Undefined where a setting says what this action knows nothing of. */
function reusableOf(settings: ReadonlyMap<string, string>): Reusable | undefined {
  const objectFormat = settings.get('extensions.objectformat') ?? 'sha1'
  const refFormat = settings.get('extensions.refstorage') ?? 'files'
  const partialFilter = settings.get('remote.origin.partialclonefilter')
  const promisors = [...settings.keys()].filter((key) => key.endsWith('.promisor'))
  const known = ['objectformat', 'refstorage', 'partialclone', 'worktreeconfig'].map((n) => `extensions.${n}`)
  const unknown = [...settings.keys()].filter((key) => key.startsWith('extensions.') && !known.includes(key))
  if (unknown.length > 0) return undefined
  if (objectFormat !== 'sha1' && objectFormat !== 'sha256') return undefined
  if (refFormat !== 'files' && refFormat !== 'reftable') return undefined
  if ((settings.get('extensions.partialclone') ?? 'origin') !== 'origin') return undefined
  if (promisors.some((key) => key !== 'remote.origin.promisor')) return undefined
  if (partialFilter === undefined) {
    const isPartial = promisors.length > 0 || settings.has('extensions.partialclone')
    return isPartial ? undefined : { objectFormat, refFormat, partialFilter }
  }
  return FILTER.test(partialFilter) ? { objectFormat, refFormat, partialFilter } : undefined
}

/**
 * Makes the clone in the destination one to go on with: safe for git to run in, no other branches, no refs in the
 * way of the target's and, if asked, no changes. Where it is `unusable`, the log says why, and the clone is good
 * for nothing but deletion.
 */
export async function prepareReuse(options: ReuseOptions): Promise<'ready' | 'unusable'> {
  const { destination, target, clean, signal, log } = options
  const { refFormat, objectFormat } = options.reusable
  const gitDirectory = join(destination, '.git')
  const git = gitIn(destination, options)
  try {
    await dropLeftovers(gitDirectory)
    await writeConfig(options)
    if (refFormat === 'files')
      await writePlainRefs(gitDirectory, await readPlainRefs(gitDirectory), objectFormat)
    await commitOf(git)
    await dropReplaceRefs(git)
    await dropOtherBranches(git, target)
    await dropConflictingRefs(git, target)
    await checkSubmodules(git, destination)
    if (clean) {
      await git.run(['clean', '--quiet', '-ffdx'])
      // Git leaves those alone that have files of the index beside them.
      await dropRepositoriesIn(await directoriesOf(git), destination)
      await git.run(['reset', '--quiet', '--hard', 'HEAD', '--'])
    }
    return 'ready'
  } catch (error) {
    signal.throwIfAborted()
    log(`the clone in ${destination} cannot be used again: ${describeError(error)}`)
    return 'unusable'
  }
}

/** Those that have files in the index, by their names as far as these are UTF-8. */
async function directoriesOf(git: Git): Promise<ReadonlySet<string>> {
  const listed = await listIndex(git, ['-z'])
  const directories = new Set<string>()
  for (const name of listed.split('\0')) {
    let directory = dirname(name)
    while (!directories.has(directory)) {
      directories.add(directory)
      directory = dirname(directory)
    }
  }
  return directories
}

/** The old config's settings of a partial clone stay: without them git takes it for a damaged one. */
async function writeConfig({ destination, reusable, ...source }: ReuseOptions): Promise<void> {
  const { partialFilter, ...formats } = reusable
  const partial =
    partialFilter === undefined
      ? ''
      : `[remote "origin"]\n\tpromisor = true\n\tpartialclonefilter = ${partialFilter}\n`
  const text = `${freshConfig({ ...formats, branch: undefined }, source)}${partial}`
  const config = join(destination, '.git', 'config')
  await writeFile(`${config}.new`, text, { encoding: 'latin1', flag: 'wx' })
  await rename(`${config}.new`, config)
}

async function checkSubmodules(git: Git, destination: string): Promise<void> {
  const paths = await submodulePaths(git)
  await refuseRepositoriesIn(paths, destination)
  if (paths.length > 0) await git.run(['submodule', 'status'])
}
