import { branchIn } from '../git/ref-name.ts'
import type { JobEvent, Target } from '../git/wanted.ts'
import type { Inputs } from '../inputs.ts'
import { type Lookup, lookupOf } from '../snapshot/cache-key.ts'

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

export interface NearOptions extends Pick<Inputs, 'repository' | 'githubServerUrl' | 'fetchDepth'> {
  readonly event: JobEvent
}

/** What the Actions cache is asked for a target, undefined where no key can say it; and for whose snapshots. */
export function lookupNear(
  target: Target,
  { repository, githubServerUrl: { host }, fetchDepth, event }: NearOptions,
): { readonly lookup: Lookup | undefined; readonly name: string; readonly branches: readonly string[] } {
  const name = `${repository.owner}/${repository.name}`
  const branches = branchesNear(target, event, name)
  const { commit } = target
  return { lookup: lookupOf({ ...repository, host, branches, commit, fetchDepth }), name, branches }
}

interface Payload {
  readonly pull_request?: { readonly base?: { readonly ref?: unknown } }
  readonly repository?: { readonly default_branch?: unknown }
}
