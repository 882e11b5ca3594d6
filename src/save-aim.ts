import { Credentials } from './git/credentials.ts'
import { type GitContext, gitOutside } from './git/git.ts'
import { type Origin, resolveAtOrigin } from './git/origin.ts'
import { branchIn } from './git/ref-name.ts'
import { requireGit } from './git/version.ts'
import { type JobEvent, type Target, wantedOf } from './git/wanted.ts'
import { gitRetries } from './git-retries.ts'
import { invalid } from './input-values.ts'
import type { SaveInputs } from './save-inputs.ts'
import { type CachedSnapshot, keyOf } from './snapshot/cache-key.ts'

export interface AimContext extends GitContext {
  readonly event: JobEvent
  /** The runner's temporary directory. */
  readonly temp: string
  readonly log: (line: string) => void
}

/** What is to be saved, where it comes from, and under which key. */
export interface Aim {
  readonly origin: Origin
  readonly snapshot: CachedSnapshot
  readonly key: string
}

/** What a job is to save. INVALID_INPUT where that cannot be a snapshot; the origin is only asked for a ref. */
export async function aimOf(inputs: SaveInputs, context: AimContext): Promise<Aim> {
  const origin = await originOf(inputs, context)
  const snapshot = snapshotOf(inputs, await findTarget(inputs, context, origin))
  return { origin, snapshot, key: keyFor(snapshot) }
}

/** The token stays in this process and in the environment of git. */
async function originOf({ token, githubServerUrl, repository }: SaveInputs, context: AimContext) {
  const { temp, env } = context
  const onCredentials = (): void => {}
  const credentials = await Credentials.create({
    temp,
    serverUrl: githubServerUrl,
    token,
    env,
    onCredentials,
  })
  return { url: credentials.originUrl(repository), env: credentials.env }
}

async function findTarget(inputs: SaveInputs, context: AimContext, origin: Origin): Promise<Target> {
  const git = gitOutside(context.temp, context)
  await requireGit(git)
  const wanted = wantedOf({ ...inputs, allowUnsafePrCheckout: false }, context.event)
  return resolveAtOrigin(wanted, origin, { git, retries: gitRetries(context) })
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
