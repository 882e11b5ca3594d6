import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ActionError, describeError } from '../errors.ts'
import { type Git, type GitContext, gitIn, isGitFailure } from './git.ts'
import { formatOfName } from './object-format.ts'
import { fetchFromOrigin, type GitRetries, NETWORK_CONFIG, type Origin, refMoved } from './origin.ts'
import { proveObjects } from './proof.ts'
import { BRANCHES, ORIGIN_BRANCHES, TAGS } from './ref-name.ts'
import { changeRefs, listRefs, type Ref } from './refs.ts'
import { isComplete, targetObject } from './target-object.ts'
import { refspecsFor, type Target, targetOf, trackingRefOf } from './wanted.ts'

/** Where the wanted commit came from; `none`: it was there. */
export type FreshenedBy = 'none' | 'bundle' | 'server' | 'origin'

export interface FreshenOptions extends GitContext {
  /** Absolute path of a working copy in which git may run, whose remote `origin` is the origin. */
  readonly tree: string
  /** Of a `new` one no ref was seen by anybody; a `reused` one may have refs that its user made. */
  readonly clone: 'new' | 'reused'
  /** The commit that its HEAD is at, where that is known: git has read it. */
  readonly head?: string
  /** All refs of a new one, where they are known: git does not list those of missing objects. */
  readonly refs?: readonly Ref[] | undefined
  readonly target: Target
  readonly origin: Origin
  /** The file of a bundle that may lead to the target. Called only when the target is not there. */
  readonly bundle: () => Promise<string | undefined>
  /** A server that may have the target. Called only when the bundle has not led to it. */
  readonly server: () => Promise<Origin | undefined>
  /**
   * How long a fetch from that server may take, before the origin is asked instead.
   * @default 2 minutes
   */
  readonly serverLimitMs?: number
  /** 0 for all branches and tags as they are now; any other depth only counts in a shallow clone. */
  readonly depth: number
  readonly tags: 'none' | 'all'
  readonly retries: GitRetries
  readonly onProgress: ((line: string) => void) | undefined
  readonly log: (line: string) => void
}

interface Found {
  readonly by: FreshenedBy
  /** What the target's ref has to name: a tag's own object, or the commit. */
  readonly object: string
}

type Freshening = Omit<FreshenOptions, 'depth'> & {
  readonly git: Git
  readonly history: 'wanted' | 'everything'
  readonly depth: number | 'unshallow' | undefined
  /** Whether the origin may still have to send what the clone lacks. */
  readonly contents: 'whole' | 'partial'
}

/**
 * Brings the target into a clone by the cheapest way there is, makes its tracking ref name it, and drops the
 * remote-tracking refs and tags that were not seen at the origin; of a new clone all branches too but the target's own.
 * Index and files stay, and HEAD stays at its commit.
 */
export async function freshen(options: FreshenOptions): Promise<FreshenedBy> {
  const isShallow = existsSync(join(options.tree, '.git', 'shallow'))
  const freshening: Freshening = {
    ...options,
    git: gitIn(options.tree, options),
    history: options.depth === 0 ? 'everything' : 'wanted',
    depth: isShallow ? options.depth || 'unshallow' : undefined,
    contents: await contentsOf(options.tree),
  }
  const near = await findNear(freshening)
  const found = await askOrigin(freshening, near)
  await setRefs(freshening, found.object)
  return found.by
}

/** By its config, which this action or git itself has written. */
async function contentsOf(tree: string): Promise<Freshening['contents']> {
  const config = await readFile(join(tree, '.git', 'config'), 'latin1')
  return /^\s*promisor = true$/m.test(config) ? 'partial' : 'whole'
}

async function findNear(freshening: Freshening): Promise<Found | undefined> {
  const { git, target, head, log } = freshening
  const isHead = target.kind !== 'tag' && target.commit === head
  const there = isHead ? head : await objectOf(target, git)
  if (there !== undefined) {
    if (!(await isComplete(git, target.commit, freshening.contents))) throw damaged(target)
    return { by: 'none', object: there }
  }
  const bundle = await freshening.bundle()
  if (bundle !== undefined && (await isPassable(() => git.run(['bundle', 'unbundle', bundle]), log))) {
    // A bundle leads to the server's newest commit, on the way to which a feature branch's is not: no fault of either.
    const object = await objectOf(target, git)
    const isThere = object !== undefined && (await isPassable(() => lookThrough(git, target), log))
    if (isThere && (await isWhole(freshening))) return { by: 'bundle', object }
  }
  const server = await freshening.server()
  if (server !== undefined && (await isPassable(() => fetchFromServer(freshening, server), log))) {
    const object = await objectOf(target, git, 'FETCH_HEAD')
    if (object === undefined) log(`the server has another ${target.ref}; asking the origin`)
    else if (await isWhole(freshening)) return { by: 'server', object }
  }
  return undefined
}

/** Of what was added to the clone: something it builds on may be missing there. */
async function isWhole({ git, target, contents, log }: Freshening): Promise<boolean> {
  const isWhole = await isComplete(git, target.commit, contents)
  if (!isWhole) log(`objects of the commit ${target.commit} are missing still; going on without them`)
  return isWhole
}

/** No server would send again what a clone says it has: another clone is needed. */
function damaged({ commit }: Target): ActionError {
  const message = `The clone is damaged: objects of the commit ${commit} are missing`
  return new ActionError('GIT_FAILED', `${message}; have the server make the snapshot anew`)
}

/** Whether a way led on; where it did not there is another one, and the log says why. */
async function isPassable(way: () => Promise<unknown>, log: (line: string) => void): Promise<boolean> {
  try {
    await way()
    return true
  } catch (error) {
    if (!isGitFailure(error)) throw error
    log(`${describeError(error)}; going on without it`)
    return false
  }
}

/** A damaged bundle may have brought the commit without its files: fails unless all is there that it added to HEAD. */
function lookThrough(git: Git, { commit }: Target): Promise<string> {
  return git.run(['rev-list', '--objects', '--quiet', commit, '--not', 'HEAD'])
}

/** Exactly the target, and none of the server's refs; what it is told stays with it. */
async function fetchFromServer(freshening: Freshening, server: Origin): Promise<void> {
  const { tree, target, depth, signal, serverLimitMs = SERVER_LIMIT_MS } = freshening
  const options = ['--quiet', '--no-tags', '--no-prune', '--no-recurse-submodules']
  if (typeof depth === 'number') options.push(`--depth=${depth}`)
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(tooLate(serverLimitMs)), serverLimitMs)
  const git = gitIn(tree, { ...freshening, signal: AbortSignal.any([signal, late.signal]) })
  try {
    await git.run(['fetch', ...options, server.url, wantOf(target)], {
      config: { ...NETWORK_CONFIG, 'http.followRedirects': 'false' },
      env: server.env,
    })
  } finally {
    clearTimeout(timer)
  }
}

/** As long as git waits for a server that says nothing, and as long again for what was committed since the snapshot. */
const SERVER_LIMIT_MS = 120_000

/** A failure of git's: nobody but this one process is to end for it. */
function tooLate(limitMs: number): ActionError {
  return new ActionError('GIT_FAILED', `git fetch from the server took longer than ${limitMs / 1000} s`)
}

/** By its name where that may have an annotation, which the commit does not lead to. */
function wantOf({ kind, ref, commit }: Target): string {
  return kind === 'tag' ? ref : commit
}

/**
 * What still has to come from the origin, in one fetch; nothing where that is nothing. Only the origin knows what a
 * tag is now: one that was moved is refused, whatever the snapshot has.
 */
async function askOrigin(freshening: Freshening, near: Found | undefined): Promise<Found> {
  const { git, target, origin, depth, onProgress, retries, tags, history } = freshening
  const everything = refspecsFor(targetOf('', target.commit), { history, tags })
  const refspecs = everything.filter((refspec) => refspec !== target.commit)
  // Without a destination: no ref is in the way of the new one, and none is wrong should that be refused.
  // With a depth git fails where nothing else is asked for than patterns that match nothing: tags that nobody has.
  const isDeepened = typeof depth === 'number' && (depth > 1 || refspecs.length > 0)
  const isAsked = near === undefined || isDeepened || (target.kind === 'tag' && refspecs.length === 0)
  const wanted = isAsked ? [wantOf(target)] : []
  if (near !== undefined && !isAsked && refspecs.length === 0) return near
  const fetch = { refspecs: [...refspecs, ...wanted], depth, onProgress, retries }
  await fetchFromOrigin(git, origin, fetch)
  const tagAt = refspecs.length === 0 ? 'FETCH_HEAD' : target.ref
  const object = await objectOf(target, git, tagAt)
  if (object === undefined) throw await movedOrForged(freshening, tagAt)
  if (near === undefined && !(await isComplete(git, target.commit, freshening.contents)))
    throw damaged(target)
  return { by: near?.by ?? 'origin', object }
}

/** The tag that the origin names may have come with the snapshot, and lead elsewhere than its name says. */
async function movedOrForged({ git, target, origin }: Freshening, tagAt: string): Promise<unknown> {
  if (target.kind === 'tag') {
    const tag = (await git.run(['rev-parse', '--verify', tagAt])).trim()
    await proveObjects(git, [tag], formatOfName(tag))
  }
  return refMoved(target, origin)
}

/** As targetObject; where a tag is not yet named as it is at the origin, `tagAt` is where it is. */
function objectOf(target: Target, git: Git, tagAt = target.ref): Promise<string | undefined> {
  return targetObject(git, target, target.kind === 'tag' ? tagAt : target.commit)
}

async function setRefs(freshening: Freshening, object: string): Promise<void> {
  const { git, target, clone, refs } = freshening
  const name = trackingRefOf(target)
  const old = refs ?? (await listRefs(git, clone === 'new' ? ['refs/'] : ['refs/remotes', 'refs/tags']))
  await changeRefs(git, {
    drop: old.filter((ref) => ref.name !== name && !isToStay(ref, freshening)),
    set: name === undefined ? undefined : { name, object },
    target,
  })
}

/** Whether the origin was asked about a ref, or it is the target's own branch. */
function isToStay({ name }: Ref, { target, history, tags }: Freshening): boolean {
  if (name.startsWith(BRANCHES)) return name === target.ref
  if (name.startsWith(TAGS)) return history === 'everything' || tags === 'all'
  const isBranch = name.startsWith(ORIGIN_BRANCHES) && name !== `${ORIGIN_BRANCHES}HEAD`
  return isBranch && history === 'everything'
}
