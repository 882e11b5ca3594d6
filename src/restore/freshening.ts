import { ActionError } from '../errors.ts'
import { type FreshenedBy, type FreshenOptions, freshen } from '../git/freshen.ts'
import { gitOutside } from '../git/git.ts'
import { NETWORK_CONFIG } from '../git/origin.ts'
import { gitRetries } from '../git-retries.ts'
import type { Job } from '../job.ts'
import { STAGE_WORDS } from './stage-words.ts'

/** What a job has to say on every fetch. */
export function fetching(job: Job, signal = job.context.signal) {
  const { inputs, context, origin, onProgress } = job
  const { env, log, debug } = context
  const tags = inputs.fetchTags ? 'all' : 'none'
  const retries = gitRetries({ signal, log })
  return { origin, depth: inputs.fetchDepth, tags, retries, onProgress, log, env, debug, signal } as const
}

/**
 * Brings the target into a clone. Where the origin was asked and it failed, it is looked whether it answers at all:
 * ORIGIN_FAILED if not, and GIT_FAILED where the clone itself must be to blame, which another one can make good.
 */
export async function freshenClone(
  job: Job,
  clone: Pick<FreshenOptions, 'tree' | 'clone' | 'head' | 'refs' | 'target' | 'bundle' | 'server'>,
  signal = job.context.signal,
): Promise<FreshenedBy> {
  try {
    const freshened = () => freshen({ ...fetching(job, signal), ...clone })
    return await job.timeline.measure('freshen', freshened, STAGE_WORDS.freshened)
  } catch (error) {
    const isOrigin = error instanceof ActionError && error.code === 'ORIGIN_FAILED'
    if (!isOrigin || !(await originAnswers(job, signal))) throw error
    throw new ActionError('GIT_FAILED', error.message, { cause: error })
  }
}

function originAnswers({ context, origin }: Job, signal: AbortSignal): Promise<boolean> {
  const args = ['ls-remote', '--quiet', '--heads', '--', origin.url, 'HEAD']
  return gitOutside(context.temp, { ...context, signal }).succeeds(args, {
    config: NETWORK_CONFIG,
    env: origin.env,
  })
}
