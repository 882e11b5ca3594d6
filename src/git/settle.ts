import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ActionError } from '../errors.ts'
import { makeDotGitSafe } from './dotgit.ts'
import { branchSection, type ConfigSource } from './fresh-config.ts'
import { type Environment, type Git, gitIn } from './git.ts'
import { type FilledIndex, fillIndex, type ObjectFormat, type RecordOf } from './index-file.ts'

export interface SettleOptions extends ConfigSource {
  /** Absolute path of the unpacked tree, whose `.git` holds only what staysInDotGit keeps. */
  readonly tree: string
  /** The commit the server said the snapshot is of; undefined where it said none. */
  readonly expectedCommit: string | undefined
  readonly recordOf: RecordOf
  readonly env: Environment
  readonly signal: AbortSignal
}

export interface Settled extends FilledIndex {
  readonly commit: string
  /** Checked-out branch, latin1 of its raw bytes; undefined when HEAD is detached. */
  readonly branch: string | undefined
  readonly objectFormat: ObjectFormat
}

/** Fixed against `index.version` and `feature.manyFiles`; git's other index settings touch no first index. */
const FILLABLE_VERSION = '2'

/**
 * Makes an unpacked tree a clone that git may run in, at its own commit, with a new index in which the files
 * that are proven need not be read again. On failure the tree is good for nothing but deletion.
 */
export async function settle(options: SettleOptions): Promise<Settled> {
  const { tree, recordOf } = options
  const dotGitPath = join(tree, '.git')
  const dotGit = await makeDotGitSafe(tree, options)
  const git = gitIn(tree, options)
  const commit = await headCommit(git)
  checkCommit(commit, options.expectedCommit)
  const branch = dotGit.refFormat === 'reftable' ? await settleReftable(git, dotGitPath) : dotGit.branch
  await git.run(['read-tree', commit], { env: { GIT_INDEX_VERSION: FILLABLE_VERSION } })
  const index = await fillIndex(dotGitPath, recordOf, dotGit.objectFormat)
  return { commit, branch, objectFormat: dotGit.objectFormat, ...index }
}

async function headCommit(git: Git): Promise<string> {
  try {
    return (await git.run(['rev-parse', '--verify', 'HEAD^{commit}'])).trim()
  } catch (error) {
    if (!(error instanceof ActionError && error.code === 'GIT_FAILED')) throw error
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
  const name = (await git.run(['rev-parse', '--symbolic-full-name', 'HEAD'])).trim()
  if (!name.startsWith('refs/heads/')) return undefined
  const branch = Buffer.from(name.slice('refs/heads/'.length), 'utf8').toString('latin1')
  await appendFile(join(dotGitPath, 'config'), branchSection(branch), 'latin1')
  return branch
}

/** Replacement objects would let the archive show other contents than the commit has. */
export async function dropReplaceRefs(git: Git): Promise<void> {
  const commands = await git.run(['for-each-ref', '--format=delete %(refname)', 'refs/replace/'])
  if (commands !== '') await git.run(['update-ref', '--stdin'], { input: Buffer.from(commands) })
}
