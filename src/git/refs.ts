import type { Git } from './git.ts'
import { BRANCHES, branchIn } from './ref-name.ts'
import { type Target, trackingRefOf } from './wanted.ts'

/** How many parts of a name all tracking refs of its kind share: `refs/remotes/origin`, `refs/tags`. */
const SHARED_PARTS = { branch: 3, pull: 3, tag: 2 } as const

/** The commit that HEAD is at. */
export async function commitOf(git: Git): Promise<string> {
  return (await git.run(['rev-parse', '--verify', 'HEAD^{commit}'])).trim()
}

/** Leaves no local branch but the target's. HEAD is detached where it was on another one. */
export async function dropOtherBranches(git: Git, target: Target): Promise<void> {
  const listed = await listRefs(git, ['--format=%(HEAD)%(refname)', BRANCHES])
  const others = listed.filter((line) => line.slice(1) !== target.ref)
  const checkedOut = others.find((line) => line.startsWith('*'))?.slice(1)
  if (checkedOut !== undefined) {
    // A transaction of its own: git does not delete the branch that HEAD is on and change HEAD in one.
    await git.run(['update-ref', '--no-deref', 'HEAD', 'HEAD^{commit}'])
    // Only the branch that is checked out has a section in a config that this action wrote.
    const section = `branch.${branchIn(checkedOut)}`
    await git.succeeds(['config', '--local', '--remove-section', section])
  }
  await deleteRefs(
    git,
    others.map((line) => line.slice(1)),
  )
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
  const near = await refNames(git, ['--ignore-case', root])
  await deleteRefs(
    git,
    near.filter((name) => contains(name, tracking) || contains(tracking, name)),
  )
}

/** Replacement objects would let whoever made the clone show other contents than the commit has. */
export async function dropReplaceRefs(git: Git): Promise<void> {
  await deleteRefs(git, await refNames(git, ['refs/replace/']))
}

function contains(directory: string, name: string): boolean {
  return name.toLowerCase().startsWith(`${directory.toLowerCase()}/`)
}

/** In full; `which` are patterns, and options before them. */
export function refNames(git: Git, which: readonly string[]): Promise<readonly string[]> {
  return listRefs(git, ['--format=%(refname)', ...which])
}

/** A name that is not UTF-8 cannot be said to git again: it is left alone. */
async function listRefs(git: Git, args: readonly string[]): Promise<readonly string[]> {
  const lines = (await git.run(['for-each-ref', ...args])).split('\n')
  return lines.filter((line) => line !== '' && !line.includes('\ufffd'))
}

export async function deleteRefs(git: Git, names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  const commands = names.map((name) => `delete ${name}\n`).join('')
  await git.run(['update-ref', '--no-deref', '--stdin'], { input: Buffer.from(commands) })
}
