import { ActionError, describeError, type ErrorCode } from './errors.ts'
import { gitOutside } from './git/git.ts'
import { requireLfs } from './git/lfs.ts'
import { resolveAtOrigin } from './git/origin.ts'
import type { Target } from './git/wanted.ts'
import type { Inputs } from './inputs.ts'
import { type Context, Job } from './job.ts'
import type { Arrival, Report } from './report/report.ts'
import { troubleOf } from './report/trouble.ts'
import { fromOrigin } from './restore/from-origin.ts'
import { fromSnapshot } from './restore/from-snapshot.ts'
import { fromWorkspace } from './restore/from-workspace.ts'
import { reportOf } from './restore/job-report.ts'
import { STAGE_WORDS } from './restore/stage-words.ts'
import { locate, type NoLocation } from './snapshot/locate.ts'
import { Session } from './source/session.ts'

/** What another way to the commit would only meet again, or must not get around. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'INVALID_INPUT',
  'UNSAFE_CHECKOUT',
  'REF_NOT_FOUND',
  'REF_MOVED',
  'WRITE_FAILED',
  'GIT_MISSING',
  'ORIGIN_FAILED',
  'CANCELLED',
])

/** Brings the wanted commit into the destination, by the cheapest way there is. */
export async function restore(inputs: Inputs, context: Context): Promise<Report> {
  const job = await Job.begin(inputs, context)
  const location = locate(inputs, job.context.env)
  const source = location.kind === 'nowhere' ? location : Session.begin(location, inputs, job.context)
  const session = source instanceof Session ? source : undefined
  let target: Target | undefined
  let keepsCredentials = false
  try {
    target = await findTarget(job)
    const arrival = await arriveCheapest(job, target, source)
    keepsCredentials = inputs.persistCredentials && arrival.outcome !== 'skipped'
    return reportOf(job, session, { target, arrival })
  } catch (error) {
    await context.onFailure(reportOf(job, session, { target, error }))
    throw error
  } finally {
    await session?.close()
    if (!keepsCredentials) await job.credentials.remove()
  }
}

function findTarget({ inputs, context, wanted, origin, retries, timeline }: Job): Promise<Target> {
  const git = gitOutside(context.temp, context)
  const find = async (): Promise<Target> => {
    if (inputs.lfs) await requireLfs(git)
    return resolveAtOrigin(wanted, origin, { git, retries })
  }
  return timeline.measure('find commit', find, STAGE_WORDS.found)
}

async function arriveCheapest(job: Job, target: Target, source: Session | NoLocation): Promise<Arrival> {
  const { inputs, context } = job
  const reused = await fromWorkspace(job, target, source instanceof Session ? source : undefined)
  if (reused !== undefined) return reused
  if (inputs.source === 'none') return fromOrigin(job, target)
  try {
    if (source instanceof Session) return await fromSnapshot(job, target, source)
    throw new ActionError('NO_SOURCE', source.reason)
  } catch (error) {
    if (context.signal.aborted || isFinal(error)) throw error
    const what = `No snapshot of ${job.repositoryName} was restored: ${describeError(error)}`
    if (inputs.onMiss === 'fail') throw missFailure(error, what)
    const isSkipped = inputs.onMiss === 'skip'
    const instead = isSkipped
      ? 'The workspace stays as it is'
      : `It is fetched from ${job.origin.url} instead`
    const missed = troubleOf(error)
    job.troubles.missed = missed
    context.warn(`${what}. ${instead}`, missed.code)
    return isSkipped ? SKIPPED : fromOrigin(job, target)
  }
}

const SKIPPED: Arrival = { outcome: 'skipped', freshenedBy: 'none', commit: '', snapshot: undefined }

/** What nobody has a word for stays as it is. */
function missFailure(error: unknown, what: string): unknown {
  if (!(error instanceof ActionError)) return error
  return new ActionError(error.code, `${what}. The step fails, since on-miss is fail`, { cause: error })
}

function isFinal(error: unknown): boolean {
  return error instanceof ActionError && FINAL.has(error.code)
}
