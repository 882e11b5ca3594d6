import { type Git, type GitContext, gitIn } from './git.ts'
import { formatOfName } from './object-format.ts'
import { fetchFromOrigin, type GitRetries, type Origin, refMoved } from './origin.ts'
import { targetObject } from './target-object.ts'
import { refspecsFor, type Target, trackingRefOf } from './wanted.ts'

export interface PlainCloneOptions extends GitContext {
  /** Absolute path of an empty directory. */
  readonly tree: string
  readonly target: Target
  readonly origin: Origin
  /** 0 for everything: all branches and tags with their history. */
  readonly depth: number
  readonly filter: string | undefined
  readonly tags: 'none' | 'all'
  readonly retries: GitRetries
  readonly onProgress: ((line: string) => void) | undefined
}

/**
 * Makes a clone that has the target and its tracking ref, as actions/checkout does without a snapshot; nothing is
 * checked out. With a filter, the clone gets what it lacks from the origin, while it is being checked out too.
 */
export async function plainClone(options: PlainCloneOptions): Promise<void> {
  const { tree, target, origin, depth, filter, tags, retries, onProgress } = options
  const git = gitIn(tree, options)
  await makeRepository(git, target, origin)
  const how = { depth: depth === 0 ? undefined : depth, filter, onProgress, retries }
  const fetch = (refspecs: readonly string[]) => fetchFromOrigin(git, origin, { ...how, refspecs })
  const wanted = refspecsFor(target, { history: 'wanted', tags: depth === 0 ? 'none' : tags })
  await fetch(depth === 0 ? refspecsFor(target, { history: 'everything', tags }) : wanted)
  if (await isThere(git, target)) return
  // All branches and tags came as they are now: the wanted one has moved on, or it is not one of them.
  if (depth === 0) await fetch(wanted)
  if (!(await isThere(git, target))) throw refMoved(target, origin)
}

async function makeRepository(git: Git, { commit }: Target, origin: Origin): Promise<void> {
  await git.run(['init', '--quiet', `--object-format=${formatOfName(commit)}`])
  await git.run(['remote', 'add', 'origin', origin.url])
  await git.run(['config', '--local', 'gc.auto', '0'])
}

/** Whether the target, and its tracking ref if it has one, is of the wanted commit. */
async function isThere(git: Git, target: Target): Promise<boolean> {
  return (await targetObject(git, target, trackingRefOf(target) ?? target.commit)) !== undefined
}
