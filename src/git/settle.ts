import { existsSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ActionError } from '../errors.ts'
import { type DotGit, makeDotGitSafe } from './dotgit.ts'
import { branchSection, type ConfigSource } from './fresh-config.ts'
import { type Git, type GitContext, gitIn, isGitFailure } from './git.ts'
import type { ObjectFormat } from './index-entries.ts'
import { entriesIn } from './presence.ts'
import { branchIn } from './ref-name.ts'
import { commitOf, dropReplaceRefs } from './refs.ts'

export interface SettleOptions extends ConfigSource, GitContext {
  /** Absolute path of the unpacked tree, whose `.git` holds only what staysInDotGit keeps. */
  readonly tree: string
  /** The commit the server said the snapshot is of; undefined where it said none. */
  readonly expectedCommit: string | undefined
}

export interface Settled extends Pick<DotGit, 'refs'> {
  readonly commit: string
  /** Checked-out branch, latin1 of its raw bytes; undefined when HEAD is detached. */
  readonly branch: string | undefined
  readonly objectFormat: ObjectFormat
  /** Whether its history is cut off. */
  readonly isShallow: boolean
}

/** Fixed against `index.version` and `feature.manyFiles`; git's other index settings touch no first index. */
const FILLABLE_VERSION = '2'
/** No extension that tells where entries are, as filling may move them; and an entry for each file. */
const PLAIN_INDEX = {
  'index.recordEndOfIndexEntries': 'false',
  'index.recordOffsetTable': 'false',
  'index.sparse': 'false',
}

/**
 * Makes an unpacked `.git` a clone that git may run in, at its own commit. Files are not looked at, and there is no
 * index yet. On failure the tree is good for nothing but deletion.
 */
export async function settle(options: SettleOptions): Promise<Settled> {
  const { tree } = options
  const dotGitPath = join(tree, '.git')
  const dotGit = await makeDotGitSafe(tree, options)
  const git = gitIn(tree, options)
  await choosePacks(git, dotGitPath)
  const commit = await headCommit(git)
  checkCommit(commit, options.expectedCommit)
  const branch = dotGit.refFormat === 'reftable' ? await settleReftable(git, dotGitPath) : dotGit.branch
  const isShallow = existsSync(join(dotGitPath, 'shallow'))
  const { objectFormat, refs } = dotGit
  return { commit, branch, refs, objectFormat, isShallow }
}

/**
 * Makes the index of a clone that has none, which `fillIndex` can then tell of the files. The commit need not be
 * proven: with a prefix, git names the trees in the index by its entries, and otherwise by what the trees say of
 * themselves, which hides from it what another entry (`src/a` beside `src`) has put there.
 */
export async function makeFirstIndex(git: Git, commit: string): Promise<void> {
  await readTree(git, ['--prefix=', commit])
}

/** Makes the index anew, of a proven commit: git reads every file when it is asked for one. */
export async function makeIndex(git: Git, commit: string): Promise<void> {
  await readTree(git, [commit])
}

async function readTree(git: Git, args: readonly string[]): Promise<void> {
  const env = { GIT_INDEX_VERSION: FILLABLE_VERSION }
  await git.run(['read-tree', ...args], { env, config: PLAIN_INDEX })
}

/**
 * Packs may differ in what they have for one object, and each git process asks them in an order of its own: an index
 * of them all makes what was proven the copy that is checked out.
 */
async function choosePacks(git: Git, dotGitPath: string): Promise<void> {
  const files = await entriesIn(join(dotGitPath, 'objects', 'pack'), 'latin1')
  const packs = files.filter(({ name }) => name.endsWith('.pack'))
  if (packs.length > 1) await git.run(['multi-pack-index', 'write'])
}

async function headCommit(git: Git): Promise<string> {
  try {
    return await commitOf(git)
  } catch (error) {
    if (!isGitFailure(error)) throw error
    const message =
      "The snapshot's HEAD is no commit that git can read; the repository may be empty or damaged"
    throw new ActionError('GIT_FAILED', message, { cause: error })
  }
}

function checkCommit(commit: string, expected: string | undefined): void {
  if (expected === undefined || commit === expected) return
  throw new ActionError(
    'COMMIT_MISMATCH',
    `The snapshot's HEAD is ${commit}, but the server announced ${expected} (X-Cachew-Snapshot-Commit): ` +
      'run the job again, and if it stays so have the server make the snapshot anew',
  )
}

/** Only git can read a reftable: what the allow-list and the config did for loose and packed refs, by git. */
async function settleReftable(git: Git, dotGitPath: string): Promise<string | undefined> {
  await dropReplaceRefs(git)
  const name = branchIn((await git.run(['rev-parse', '--symbolic-full-name', 'HEAD'])).trim())
  if (name === undefined) return undefined
  const branch = Buffer.from(name, 'utf8').toString('latin1')
  await appendFile(join(dotGitPath, 'config'), branchSection(branch), 'latin1')
  return branch
}
