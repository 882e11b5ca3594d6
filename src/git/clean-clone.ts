import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '../environment.ts'
import { describeError } from '../errors.ts'
import { checkOut } from './check-out.ts'
import { type Git, type GitContext, gitIn, isGitFailure } from './git.ts'
import type { ObjectFormat } from './index-entries.ts'
import { formatOfName } from './object-format.ts'
import { fetchFromOrigin, type GitRetries, type Origin } from './origin.ts'
import { BRANCHES } from './ref-name.ts'
import { type Target, targetOf, trackingRefOf } from './wanted.ts'

export interface CleanCloneOptions extends GitContext {
  /** Root of a clone that may have the commit; what lies there is not believed, and only objects are read. */
  readonly workspace: string | undefined
  readonly origin: Origin
  readonly commit: string
  /** What HEAD is to be on, without `refs/heads/`; undefined for a detached one. */
  readonly branch: string | undefined
  /** 0 for the commit's whole history, 1 for the commit alone. */
  readonly depth: 0 | 1
  /** Absolute path of an empty directory; after a failure it is good for nothing but deletion. */
  readonly into: string
  readonly retries: GitRetries
  readonly onProgress: ((line: string) => void) | undefined
  readonly log: (line: string) => void
}

export interface CleanClone {
  readonly commit: string
  readonly objectFormat: ObjectFormat
  readonly objectsFrom: 'workspace' | 'origin'
}

/** All that a clone consists of: what else git leaves tells of the machine and the person that made it. */
const PARTS: ReadonlySet<string> = new Set([
  'HEAD',
  'config',
  'index',
  'objects',
  'packed-refs',
  'refs',
  'shallow',
])

/**
 * Makes a clone of exactly this commit, checked out, its objects in one pack: nothing in it is the job's. It has no
 * refs but the branch and its tracking ref, as a restore asks the origin for all others anyway.
 */
export async function makeCleanClone(options: CleanCloneOptions): Promise<CleanClone> {
  const { into, commit, branch } = options
  const target = targetOf(branch === undefined ? '' : `${BRANCHES}${branch}`, commit)
  // The user's configuration stays out: with a filter of theirs the files could be secrets in clear.
  const git = gitIn(into, { ...options, env: unconfigured(options.env, into) })
  const isTaken = await takeFromWorkspace(git, target, options)
  if (!isTaken) await takeFromOrigin(git, target, options)
  await checkOut({ git, tree: into, target, sparse: undefined, clone: 'new', untracked: 'keep' })
  await dropTraces(join(into, '.git'))
  return { commit, objectFormat: formatOfName(commit), objectsFrom: isTaken ? 'workspace' : 'origin' }
}

/** Unlike an empty GIT_CONFIG_GLOBAL, a HOME with nothing in it is understood by every git. */
function unconfigured(env: Environment, into: string): Environment {
  const nowhere = join(into, '.git', 'no-home')
  return {
    ...env,
    HOME: nowhere,
    XDG_CONFIG_HOME: nowhere,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_CONFIG_COUNT: undefined,
    GIT_CONFIG_GLOBAL: undefined,
    GIT_CONFIG_NOSYSTEM: '1',
  }
}

/**
 * Whether the workspace had all that is needed. A fetch from there would run git by its configuration, which anybody
 * in the job may have written; git that is lent its objects reads nothing else.
 */
async function takeFromWorkspace(git: Git, target: Target, options: CleanCloneOptions): Promise<boolean> {
  const { workspace, into, depth, log } = options
  if (workspace === undefined) return false
  await makeRepository(git, options)
  if (depth === 1) await writeFile(join(into, '.git', 'shallow'), `${target.commit}\n`)
  try {
    await packAll(git, target, lent(workspace))
    await provePacks(git, into)
    return true
  } catch (error) {
    if (!isGitFailure(error)) throw error
    log(`the clone in the workspace will not do: ${describeError(error)}; asking the origin`)
    return false
  }
}

/** Quoted, as a path may have what separates two of them. */
function lent(workspace: string): Environment {
  const objects = join(workspace, '.git', 'objects')
  return { GIT_ALTERNATE_OBJECT_DIRECTORIES: `"${objects.replace(/["\\]/g, '\\$&')}"` }
}

/** By the commit's name alone, so that no ref of the origin comes with it. */
async function takeFromOrigin(git: Git, target: Target, options: CleanCloneOptions): Promise<void> {
  const { origin, depth, into, retries, onProgress } = options
  await makeRepository(git, options)
  const fetch = { refspecs: [target.commit], depth: depth || undefined, retries, onProgress }
  await fetchFromOrigin(gitIn(into, options), origin, fetch)
  await packAll(git, target, {})
}

/** In the place of one that came to nothing. */
async function makeRepository(git: Git, { into, commit, origin }: CleanCloneOptions): Promise<void> {
  await rm(join(into, '.git'), { recursive: true, force: true })
  await git.run(['init', '--quiet', '--template=', `--object-format=${formatOfName(commit)}`])
  await git.run(['remote', 'add', 'origin', origin.url])
}

/** Makes the refs, and one pack of all that they lead to, with what `env` lends. */
async function packAll(git: Git, target: Target, env: Environment): Promise<void> {
  for (const ref of ['HEAD', trackingRefOf(target)]) {
    if (ref !== undefined) await git.run(['update-ref', '--no-deref', ref, target.commit], { env })
  }
  // A graph that is lent could name other parents and trees than the commits do.
  await git.run(['repack', '-a', '-d', '-n', '--quiet'], { env, config: { 'core.commitGraph': 'false' } })
}

/** Packing copies objects as they are: only this finds one that is not what its name says. */
async function provePacks(git: Git, into: string): Promise<void> {
  const directory = join('.git', 'objects', 'pack')
  const names = await readdir(join(into, directory))
  const packs = names.filter((name) => name.endsWith('.idx')).map((name) => join(directory, name))
  await git.run(['verify-pack', ...packs])
}

async function dropTraces(dotGit: string): Promise<void> {
  for (const name of await readdir(dotGit)) {
    if (!PARTS.has(name)) await rm(join(dotGit, name), { recursive: true, force: true })
  }
}
