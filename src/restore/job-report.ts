import { relative } from 'node:path'
import type { Target } from '../git/wanted.ts'
import type { Job } from '../job.ts'
import type { Arrival, Report } from '../report/report.ts'
import { troubleOf } from '../report/trouble.ts'
import type { Session } from '../source/session.ts'

export interface Ending {
  /** Undefined where the step did not come so far. */
  readonly target: Target | undefined
  /** How the step ended well; without one it failed. */
  readonly arrival?: Arrival
  readonly error?: unknown
}

const FAILED = { outcome: 'failed', freshenedBy: 'none', commit: '', snapshot: undefined } as const
const NO_TRAFFIC = { bytes: 0, requests: 0, retries: 0, repeats: [] } as const

/** What a job has done until now. */
export function reportOf(job: Job, session: Session | undefined, ending: Ending): Report {
  const { inputs, wanted, timeline, timing, troubles, repositoryName: repository } = job
  const { target, arrival = FAILED, error } = ending
  const isAsGiven = wanted.ref !== '' || wanted.commit !== undefined
  return {
    ...arrival,
    error: arrival === FAILED ? troubleOf(error) : undefined,
    missed: troubles.missed,
    serverUrl: inputs.githubServerUrl.origin,
    repository,
    path: relative(inputs.workspace, inputs.destination),
    ref: isAsGiven ? wanted.ref : (target?.ref ?? ''),
    ...(session?.traffic ?? NO_TRAFFIC),
    restarts: troubles.restarts,
    concurrency: inputs.concurrency,
    chunkBytes: inputs.chunkBytes,
    timeline: timeline.spans,
    openMs: timeline.milliseconds('open'),
    restoreMs: timeline.milliseconds('unpack'),
    settleMs: timing.milliseconds('settle'),
    totalMs: timeline.elapsedMs,
  }
}
