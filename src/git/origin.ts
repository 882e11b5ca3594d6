import type { Environment } from '../environment.ts'
import { ActionError, describeError } from '../errors.ts'
import { type Git, isGitFailure } from './git.ts'
import { hopeless } from './hopeless.ts'
import { BRANCHES, TAGS } from './ref-name.ts'
import { isQualified, type Target, targetOf, type Wanted } from './wanted.ts'

/** The repository that the job wants, at the server that has the last word on it. */
export interface Origin {
  /** What `remote.origin.url` is in the clone. */
  readonly url: string
  /** What lets git in: variables on top of the environment. */
  readonly env: Environment
}

export interface GitRetries {
  /** From 0 up to 1. */
  readonly random: () => number
  /** Resolves after the delay; rejects with the reason when the whole is cancelled. */
  readonly wait: (delayMs: number) => Promise<void>
  readonly onRetry: (error: unknown, delayMs: number) => void
}

const TRIES = 3
const MIN_DELAY_MS = 10_000
const MAX_DELAY_MS = 20_000

/** For every git that talks to a server: a connection that has come to a halt ends, and nothing is tidied up. */
export const NETWORK_CONFIG = {
  'maintenance.auto': 'false',
  'protocol.version': '2',
  'http.lowSpeedLimit': '1000',
  'http.lowSpeedTime': '60',
} as const

/**
 * Runs git against `place` up to three times, as actions/checkout does; then ORIGIN_FAILED. What the same would come
 * of again is not tried again: an unknown repository or a wrong token is REF_NOT_FOUND.
 */
export async function withGitRetries<T>(
  attempt: () => Promise<T>,
  retries: GitRetries,
  place: string,
): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (!mayPass(error)) throw error
      const final = hopeless(error, place)
      if (final !== undefined) throw final
      if (tried === TRIES) throw givenUp(error)
      const delayMs = MIN_DELAY_MS + Math.floor(retries.random() * (MAX_DELAY_MS - MIN_DELAY_MS))
      retries.onRetry(error, delayMs)
      await retries.wait(delayMs)
    }
  }
}

function givenUp(error: unknown): ActionError {
  const words = describeError(error)
  const advice = UNREACHED.test(words)
    ? '; check the address (github-server-url), and that this runner can reach it'
    : ''
  const message = `gave up after ${TRIES} attempts: ${words}${advice}`
  return new ActionError('ORIGIN_FAILED', message, { cause: error })
}

/** What curl and ssh say where they have come to no server. */
const UNREACHED =
  /Could(n't| not) (connect|resolve)|Failed to connect|Connection (refused|timed out)|Network is unreachable|No route to host/i

/** A git that failed may do better next time; one that could not be started, which has a cause, will not. */
function mayPass(error: unknown): error is ActionError {
  return isGitFailure(error) && error.cause === undefined && !DAMAGE.test(error.message)
}

/** What git says of the clone that it fetches into: the origin would send the same again. */
const DAMAGE =
  /loose object .* is corrupt|unresolved deltas?\b|did not send all necessary objects|does not match index/

export interface Fetch {
  readonly refspecs: readonly string[]
  /** History to this depth only, or `unshallow` for all of it; undefined leaves it as deep as it is. */
  readonly depth?: number | 'unshallow' | undefined
  readonly filter?: string | undefined
  /** Where given, git tells its progress, and this is told it. */
  readonly onProgress?: ((line: string) => void) | undefined
  readonly retries: GitRetries
}

/**
 * Fetches from the remote `origin` as actions/checkout does; no other tags or submodules come along. REF_NOT_FOUND
 * where the origin lacks what is asked for.
 */
export async function fetchFromOrigin(git: Git, origin: Origin, fetch: Fetch): Promise<void> {
  try {
    await withGitRetries(() => fetchOnce(git, origin, fetch), fetch.retries, origin.url)
  } catch (error) {
    if (!isUnknownThere(error)) throw error
    const message = `${origin.url} does not have what this job wants, it may have been removed since then`
    throw new ActionError('REF_NOT_FOUND', `${message}: check the input ref`, { cause: error })
  }
}

async function fetchOnce(git: Git, origin: Origin, fetch: Fetch): Promise<void> {
  const { refspecs, depth, filter, onProgress } = fetch
  const args = ['fetch', '--no-tags', '--prune', '--no-recurse-submodules']
  if (onProgress !== undefined) args.push('--progress')
  if (filter !== undefined) args.push(`--filter=${filter}`)
  if (depth !== undefined) args.push(depth === 'unshallow' ? '--unshallow' : `--depth=${depth}`)
  await git.run([...args, 'origin', ...refspecs], {
    config: NETWORK_CONFIG,
    // In a partial clone the origin may have to be asked for what a new pack builds on.
    env: { ...origin.env, GIT_NO_LAZY_FETCH: undefined },
    onLine: onProgress,
  })
}

function isUnknownThere(error: unknown): boolean {
  return error instanceof ActionError && /not our ref|couldn't find remote ref/.test(error.message)
}

interface Asking {
  /** In any directory; a repository is not needed. */
  readonly git: Git
  readonly retries: GitRetries
}

/** The commit that is wanted now, by one look at the origin unless it is known. A branch wins over a tag. */
export async function resolveAtOrigin(wanted: Wanted, origin: Origin, asking: Asking): Promise<Target> {
  const { ref, commit } = wanted
  if (commit !== undefined) return targetOf(ref, commit)
  const listing = await withGitRetries(() => list(ref, origin, asking.git), asking.retries, origin.url)
  return ref === '' ? defaultBranch(listing, origin) : namedRef(ref, listing, origin)
}

interface Listing {
  /** By full name; a tag's commit stands under its name with `^{}`. */
  readonly commits: ReadonlyMap<string, string>
  /** The branch that HEAD stands for. */
  readonly head: string | undefined
}

async function list(ref: string, origin: Origin, git: Git): Promise<Listing> {
  const patterns = candidatesFor(ref).flatMap((name) => [name, `${name}^{}`])
  // The server only sends what these options leave; patterns are applied to what has come.
  const kinds = candidatesFor(ref).every(isBranchOrTag) ? ['--heads', '--tags'] : []
  const output = await git.run(
    ['ls-remote', '--quiet', '--symref', ...kinds, '--', origin.url, ...patterns],
    {
      config: NETWORK_CONFIG,
      env: origin.env,
    },
  )
  const lines = output.split('\n').map((line) => line.split('\t'))
  const commits = new Map(lines.map(([id = '', name = '']) => [name, id]))
  const head = lines.find(([value, name]) => name === 'HEAD' && value?.startsWith('ref: '))?.[0]
  return { commits, head: head?.slice('ref: '.length) }
}

function candidatesFor(ref: string): readonly string[] {
  if (ref === '') return ['HEAD']
  return isQualified(ref) ? [ref] : [`${BRANCHES}${ref}`, `${TAGS}${ref}`]
}

/** The beginning of a commit's name, as git shows it. */
const CUT_COMMIT = /^[0-9a-f]{7,63}$/i

function isBranchOrTag(name: string): boolean {
  return name.startsWith(BRANCHES) || name.startsWith(TAGS)
}

function namedRef(ref: string, { commits }: Listing, origin: Origin): Target {
  for (const name of candidatesFor(ref)) {
    const commit = commits.get(`${name}^{}`) ?? commits.get(name)
    if (commit !== undefined) return targetOf(name, commit)
  }
  const what = isQualified(ref) ? `The ref '${ref}'` : `A branch or tag with the name '${ref}'`
  const hint = CUT_COMMIT.test(ref) ? '; a commit needs all of its 40 (or 64) digits' : ''
  const message = `${what} could not be found at ${origin.url}: check the input ref${hint}`
  throw new ActionError('REF_NOT_FOUND', message)
}

function defaultBranch({ commits, head }: Listing, origin: Origin): Target {
  const commit = commits.get('HEAD')
  if (commit === undefined) {
    const message = `${origin.url} has no default branch, it may be empty: push a commit, or set the input ref`
    throw new ActionError('REF_NOT_FOUND', message)
  }
  return targetOf(head ?? '', commit)
}

/** The origin has the target's ref, or an object of that name, but it is not the commit that is wanted. */
export function refMoved({ ref, commit }: Target, origin: Origin): ActionError {
  if (ref === '') {
    const message = `${commit} is no commit at ${origin.url}: check the input ref`
    return new ActionError('REF_NOT_FOUND', message)
  }
  return new ActionError(
    'REF_MOVED',
    `The ref '${ref}' does not point to the expected commit '${commit}' at ${origin.url}. ` +
      'The ref may have been updated after the workflow was triggered: run the workflow again for what it is now',
  )
}
