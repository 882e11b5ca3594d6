import { ActionError, describeError, type ErrorCode } from '../errors.ts'
import type { Arrival } from '../report/report.ts'
import { troubleOf } from '../report/trouble.ts'
import type { SnapshotSource } from '../snapshot/locate.ts'
import { type StoreUse, verdictOn } from '../source/kept-snapshot.ts'
import type { Opened, Session, Verdict } from '../source/session.ts'
import { ScatteredDotGit } from '../unpack/tree.ts'
import type { Grown } from './publication.ts'
import type { Ground, Restoring } from './restoring.ts'
import { STAGE_WORDS } from './stage-words.ts'

interface Way {
  /** Whether git begins while files are still written. */
  readonly git: 'early' | 'last'
  readonly store: StoreUse
}

export interface Attempt extends Restoring, Pick<Way, 'git'> {
  readonly staging: Ground
  readonly opening: Promise<Opened>
}

/** Two attempts at most: after the first, only what may make another one end better. */
export async function inAttempts(
  restoring: Restoring,
  grow: (attempt: Attempt) => Promise<Grown<Arrival>>,
): Promise<Arrival> {
  const { job, target, session, publish } = restoring
  let source: SnapshotSource | undefined
  const attempt = async ({ git, store }: Way): Promise<Arrival> => {
    // First of all: what follows takes 10 ms, and the threads of a tree as long again, which the network can use.
    const over = new AbortController()
    const open = () => session.open(target, over.signal, store)
    const opening = job.timeline.measure('open', open, STAGE_WORDS.opened)
    const settled = opening.catch(() => undefined)
    let verdict: Verdict = 'good'
    try {
      return await publish((staging) => grow({ ...restoring, staging, git, opening }))
    } catch (error) {
      verdict = verdictOn(error)
      if (!isOfSnapshot(error)) throw error
      over.abort()
      throw session.naming(error, verdict === 'bad' ? (await settled)?.place : undefined)
    } finally {
      session.progress.end()
      over.abort()
      const opened = await settled
      source = opened?.source
      await opened?.ended?.(verdict)
    }
  }
  try {
    // Held to a digest, nothing of the snapshot may be used before all of it has come.
    return await attempt({ git: job.inputs.sha256 === undefined ? 'early' : 'last', store: 'use' })
  } catch (error) {
    const second = secondTry(error, source, session)
    if (second === undefined || job.context.signal.aborted) throw error
    job.troubles.restarts.push(troubleOf(error))
    job.context.log(`${describeError(error)}; starting again ${second.words}`)
    return attempt(second.way)
  }
}

/** What makes another attempt worth it. */
function secondTry(
  error: unknown,
  source: SnapshotSource | undefined,
  session: Session,
): { readonly way: Way; readonly words: string } | undefined {
  if (error instanceof ScatteredDotGit) {
    return { way: { git: 'last', store: 'use' }, words: 'with git at the end' }
  }
  const isChanged = error instanceof ActionError && error.code === 'SNAPSHOT_CHANGED'
  if (isChanged) return { way: { git: 'last', store: 'use' }, words: 'with the new one' }
  if (source === 'store' && verdictOn(error) === 'bad') {
    return { way: { git: 'last', store: 'renew' }, words: 'without what this machine has kept' }
  }
  const next = isOfSnapshot(error) ? session.turnAway() : undefined
  return next === undefined
    ? undefined
    : { way: { git: 'last', store: 'use' }, words: `with the snapshot of ${next}` }
}

/** What another server may not meet. */
const OF_SERVER: ReadonlySet<ErrorCode> = new Set([
  'NOT_FOUND',
  'ACCESS_DENIED',
  'CONNECTION_FAILED',
  'TLS_FAILED',
  'PROXY_FAILED',
  'SERVER_ERROR',
  'RATE_LIMITED',
  'BAD_REDIRECT',
  'PROTOCOL_ERROR',
  'STALLED',
])

/** Whether the snapshot is to blame, or the server that it came from. */
function isOfSnapshot(error: unknown): error is ActionError {
  return error instanceof ActionError && (verdictOn(error) === 'bad' || OF_SERVER.has(error.code))
}
