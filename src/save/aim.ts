import { gitOutside } from '../git/git.ts'
import type { Origin } from '../git/origin.ts'
import { branchIn } from '../git/ref-name.ts'
import { requireGit } from '../git/version.ts'
import type { Target } from '../git/wanted.ts'
import { invalid } from '../input-values.ts'
import { type OriginContext, targetAtOrigin } from '../origin-target.ts'
import { type CachedSnapshot, keyOf } from '../snapshot/cache-key.ts'
import type { SaveInputs } from './inputs.ts'

/** What is to be saved, where it comes from, and under which key. */
export interface Aim {
  readonly origin: Origin
  readonly snapshot: CachedSnapshot
  readonly key: string
}

/** What a job is to save. INVALID_INPUT where that cannot be a snapshot; the origin is only asked for a ref. */
export async function aimOf(inputs: SaveInputs, context: OriginContext): Promise<Aim> {
  await requireGit(gitOutside(context.temp, context))
  const { origin, target } = await targetAtOrigin({ ...inputs, allowUnsafePrCheckout: false }, context)
  const snapshot = snapshotOf(inputs, target)
  return { origin, snapshot, key: keyFor(snapshot) }
}

/** Restores look for the snapshots of branches. */
function snapshotOf(inputs: SaveInputs, { ref, commit }: Target): CachedSnapshot {
  const { repository, githubServerUrl, depth } = inputs
  const branch = branchIn(ref)
  if (branch === undefined) {
    const seen = ref === '' ? `the commit ${commit}` : ref
    throw invalid(
      `a snapshot is of a branch, and this job is about ${seen}: set ref, or run it for a push to a branch`,
    )
  }
  const kind = depth === 0 ? 'full' : 'shallow'
  return { host: githubServerUrl.host, ...repository, branch, kind, commit }
}

function keyFor(snapshot: CachedSnapshot): string {
  const key = keyOf(snapshot)
  if (key !== undefined) return key
  throw invalid(`the branch ${snapshot.branch} has a name that is too long for a key of the Actions cache`)
}
