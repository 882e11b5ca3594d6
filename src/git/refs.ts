import type { Git } from './git.ts'
import type { PlainRefs } from './plain-refs.ts'
import { BRANCHES, branchIn } from './ref-name.ts'
import { startPointOf, type Target, trackingRefOf } from './wanted.ts'

/** How many parts of a name all tracking refs of its kind share: `refs/remotes/origin`, `refs/tags`. */
const SHARED_PARTS = { branch: 3, pull: 3, tag: 2 } as const

/** The commit that HEAD is at. */
export async function commitOf(git: Git): Promise<string> {
  return (await git.run(['rev-parse', '--verify', 'HEAD^{commit}'])).trim()
}

/** Leaves no local branch but the target's. HEAD is detached where it was on another one. */
export async function dropOtherBranches(git: Git, target: Target): Promise<void> {
  const branches = await listRefs(git, [BRANCHES])
  await changeRefs(git, { drop: branches.filter(({ name }) => name !== target.ref), target })
}

/**
 * Deletes the tracking refs that cannot be there together with the target's: `foo` and `foo/bar`, in upper or lower
 * case, as some disks know no difference.
 */
export async function dropConflictingRefs(git: Git, target: Target): Promise<void> {
  const tracking = trackingRefOf(target)
  if (tracking === undefined || target.kind === 'other' || target.kind === 'commit') return
  const root = tracking
    .split('/')
    .slice(0, SHARED_PARTS[target.kind] + 1)
    .join('/')
  const near = await listRefs(git, ['--ignore-case', root])
  const drop = near.filter(({ name }) => contains(name, tracking) || contains(tracking, name))
  await changeRefs(git, { drop, target })
}

/** Replacement objects would let whoever made the clone show other contents than the commit has. */
export async function dropReplaceRefs(git: Git): Promise<void> {
  await changeRefs(git, { drop: await listRefs(git, ['refs/replace/']) })
}

function contains(directory: string, name: string): boolean {
  return name.toLowerCase().startsWith(`${directory.toLowerCase()}/`)
}

export interface Ref {
  /** In full. */
  readonly name: string
  /** Whether it is the branch that HEAD is on. */
  readonly isCheckedOut: boolean
}

/** `which` are patterns, and options before them. A name that is not UTF-8 cannot be said to git again: it is left out. */
export async function listRefs(git: Git, which: readonly string[]): Promise<readonly Ref[]> {
  const lines = (await git.run(['for-each-ref', '--format=%(HEAD)%(refname)', ...which])).split('\n')
  return lines
    .filter((line) => line !== '')
    .map((line) => ({ name: line.slice(1), isCheckedOut: line.startsWith('*') }))
    .filter(isSayable)
}

/** The same of a clone on this branch (latin1), if any, whose refs were read from its files. */
export function refsOf(refs: PlainRefs, branch: string | undefined): readonly Ref[] {
  return [...refs.keys()]
    .map((raw) => ({
      name: Buffer.from(raw, 'latin1').toString(),
      isCheckedOut: raw === `${BRANCHES}${branch}`,
    }))
    .filter(isSayable)
}

function isSayable({ name }: Ref): boolean {
  return !name.includes('\ufffd')
}

export interface RefChanges {
  readonly drop: readonly Ref[]
  readonly set?: { readonly name: string; readonly object: string } | undefined
  /** What HEAD is on the way to. */
  readonly target?: Target
}

/** Deletes refs, then sets one. HEAD is detached where it was on one of those. */
export async function changeRefs(git: Git, { drop, set, target }: RefChanges): Promise<void> {
  const checkedOut = drop.find(({ isCheckedOut }) => isCheckedOut)
  // One transaction each: git does not delete the branch that HEAD is on and change HEAD in one, nor put a ref where
  // a directory of deleted ones is.
  const transactions = [
    checkedOut === undefined ? '' : 'update HEAD HEAD^{commit}\n',
    drop.map(({ name }) => `delete ${name}\n`).join(''),
    set === undefined ? '' : `update ${set.name} ${set.object}\n`,
  ].filter((commands) => commands !== '')
  if (transactions.length === 0) return
  const input = Buffer.from(transactions.map((commands) => `start\n${commands}commit\n`).join(''))
  await git.run(['update-ref', ...reason(checkedOut, target), '--no-deref', '--stdin'], { input })
  if (checkedOut === undefined) return
  // Only the branch that is checked out has a section in a config that this action wrote.
  await git.succeeds(['config', '--local', '--remove-section', `branch.${branchIn(checkedOut.name)}`])
}

/**
 * As git itself gives it, which tells by it what a detached HEAD is at. A checkout of the commit that HEAD is at already
 * leaves none.
 */
function reason(from: Ref | undefined, to: Target | undefined): readonly string[] {
  if (from === undefined || to === undefined) return []
  return ['-m', `checkout: moving from ${branchIn(from.name)} to ${startPointOf(to)}`]
}
