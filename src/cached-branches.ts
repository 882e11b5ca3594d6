import { branchIn } from './git/ref-name.ts'
import type { JobEvent, Target } from './git/wanted.ts'

/**
 * The branches whose cached snapshots are near a target, the nearest first: its own, for a pull request its base, and
 * the default branch, which is known of the job's own repository.
 */
export function branchesNear(
  { ref }: Target,
  { payload, repository: own }: JobEvent,
  repository: string,
): readonly string[] {
  const known = own.toLowerCase() === repository.toLowerCase() ? (payload as Payload) : {}
  const base = ref.startsWith('refs/pull/') ? known.pull_request?.base?.ref : undefined
  const branches = [branchIn(ref), base, known.repository?.default_branch]
  const names = branches.filter((name) => typeof name === 'string' && name !== '') as string[]
  return [...new Set(names)]
}

interface Payload {
  readonly pull_request?: { readonly base?: { readonly ref?: unknown } }
  readonly repository?: { readonly default_branch?: unknown }
}
