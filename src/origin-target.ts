import { Credentials } from './git/credentials.ts'
import { type GitContext, gitOutside } from './git/git.ts'
import { type Origin, resolveAtOrigin } from './git/origin.ts'
import { type JobEvent, type Target, type WantedInputs, wantedOf } from './git/wanted.ts'
import { gitRetries } from './git-retries.ts'
import type { Inputs } from './inputs.ts'

export interface OriginContext extends GitContext {
  readonly event: JobEvent
  /** The runner's temporary directory. */
  readonly temp: string
  readonly log: (line: string) => void
}

type OriginInputs = WantedInputs & Pick<Inputs, 'githubServerUrl' | 'token'>

/** What a step wants that leaves no clone, and where it is: the token stays in this process and in git's environment. */
export async function targetAtOrigin(
  inputs: OriginInputs,
  context: OriginContext,
): Promise<{ readonly origin: Origin; readonly target: Target }> {
  const { repository, githubServerUrl: serverUrl, token } = inputs
  const { temp, env, event } = context
  const credentials = await Credentials.create({ temp, serverUrl, token, env, onCredentials: () => {} })
  const origin = { url: credentials.originUrl(repository), env: credentials.env }
  const asking = { git: gitOutside(temp, context), retries: gitRetries(context) }
  return { origin, target: await resolveAtOrigin(wantedOf(inputs, event), origin, asking) }
}
