import { join } from 'node:path'
import { ActionError, describeError, type ErrorCode } from '../errors.ts'
import { staysInDotGit } from '../git/dotgit.ts'
import { type Probed, probeGit } from '../git/probe.ts'
import type { Target } from '../git/wanted.ts'
import type { Inputs } from '../inputs.ts'
import type { Job } from '../job.ts'
import { formatMegabytes } from '../report/amounts.ts'
import type { Arrival } from '../report/report.ts'
import { STAGE_WORDS } from '../report/stage-words.ts'
import { troubleOf } from '../report/trouble.ts'
import { type StoreUse, verdictOn } from '../source/kept-snapshot.ts'
import type { Opened, Session, Verdict } from '../source/session.ts'
import { together } from '../together.ts'
import type { TreeLimits } from '../unpack/policy.ts'
import { EVERYTHING, NOTHING, type Selection, selectionOf, withoutSymlinks } from '../unpack/selection.ts'
import { threadsFor } from '../unpack/threads.ts'
import { ScatteredDotGit, TreeBuilder } from '../unpack/tree.ts'
import { type Unpacked, unpack } from '../unpack/unpack.ts'
import type { Place } from './arrival.ts'
import { takeLfsSnapshot } from './lfs-snapshot.ts'
import { type Grown, publish } from './publication.ts'
import type { Ground, Restoring } from './restoring.ts'
import { Shortcuts } from './shortcuts.ts'
import { SnapshotClone } from './snapshot-clone.ts'
import { bringSubmodules } from './submodule-snapshots.ts'

interface Attempt extends Restoring {
  readonly staging: Ground
  readonly opening: Promise<Opened>
  readonly git: Way['git']
}

/** Open, download, unpack, settle, freshen, arrive, swap. On failure the destination is as it was. */
export function fromSnapshot(job: Job, target: Target, session: Session): Promise<Arrival> {
  const { concurrency, chunkBytes, submodules } = job.inputs
  const threads = threadsFor(2 * concurrency * chunkBytes)
  const whole: Restoring = {
    job,
    target,
    session,
    threads,
    probe: (staging) => probe(job, staging),
    publish: (grow) => publish(job, grow),
  }
  if (submodules === 'none' || session.location.kind !== 'cachew') return restoreFrom(whole)
  const restore = restoreFrom
  return restoreFrom({
    ...whole,
    bringSubmodules: (staging, probed) =>
      bringSubmodules({ job, session, threads, staging, probed, restore }),
  })
}

/** Two attempts at most. */
async function restoreFrom(restoring: Restoring): Promise<Arrival> {
  const { job, target, session, publish } = restoring
  let source: Opened['source'] | undefined
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

interface Way {
  /** Whether git begins while files are still written. */
  readonly git: 'early' | 'last'
  readonly store: StoreUse
}

/** What makes another attempt worth it. */
function secondTry(
  error: unknown,
  source: Opened['source'] | undefined,
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

/** When it ends, however it does, nothing writes to staging any more. */
async function grow(attempt: Attempt): Promise<Grown<Arrival>> {
  const { job, target, session, staging, probe } = attempt
  const shortcuts = new Shortcuts({ job, session, commit: target.commit, file: join(staging.root, 'bundle') })
  let clone: SnapshotClone | undefined
  const tree = treeFor(attempt, () => clone?.begin())
  try {
    const [snapshot, probed] = await together(attempt.opening, probe(staging))
    tree.selection = selectionFor(probed)
    await staging.room.require(snapshot.total)
    shortcuts.begin(snapshot.commit)
    const { commit: announcedCommit } = snapshot
    clone = new SnapshotClone({ job, target, tree: staging.tree, announcedCommit, probed, shortcuts })
    return await fill(clone, { ...attempt, snapshot, tree, probed })
  } finally {
    await clone?.stop()
    await shortcuts.drop()
    await tree.close()
  }
}

interface Filling extends Attempt {
  readonly snapshot: Opened
  readonly tree: TreeBuilder
  readonly probed: Probed
}

async function fill(clone: SnapshotClone, filling: Filling): Promise<Grown<Arrival>> {
  const { job, target, snapshot } = filling
  const unpacked = await receive(filling)
  const bringers = { bringLfsObjects: lfsBringer(filling), bringSubmodules: submoduleBringer(filling) }
  const settled = await job.timing.measure('settle', () => clone.finish(unpacked, bringers))
  const { bytes: unpackedBytes, files, spent, movedRecordOf } = unpacked
  const { commit, objectFormat, isShallow, freshenedBy, behind } = settled
  const { source, host, place, etag, total: totalBytes, modifiedMs } = snapshot
  const ageMs = modifiedMs === undefined ? undefined : Math.max(0, Date.now() - modifiedMs)
  const told = { source, host, place, etag, totalBytes, ageMs, isShallow, behind }
  const restored = { ...told, commit, unpackedBytes, files, spent }
  const result: Arrival = { outcome: 'restored', freshenedBy, commit: target.commit, snapshot: restored }
  return { result, proven: { objectFormat, movedRecordOf } }
}

/** Downloads and unpacks, at the same time. */
async function receive({ job, snapshot, tree, threads }: Filling): Promise<Unpacked> {
  const { timeline } = job
  const { commit, total } = snapshot
  const endDownload = timeline.begin('download')
  const onReceived = () => endDownload(total === undefined ? undefined : formatMegabytes(total))
  const options = { ...threads, commit, onReceived }
  try {
    return await timeline.measure(
      'unpack',
      () => unpack(snapshot.stream(), tree, options),
      STAGE_WORDS.unpacked,
    )
  } finally {
    endDownload('failed')
  }
}

function treeFor({ job, staging, threads, git }: Attempt, onDotGit: () => void): TreeBuilder {
  return new TreeBuilder({
    ...threads,
    root: staging.tree,
    limits: limitsOf(job.inputs),
    staysInDotGit,
    mtime: Math.floor(Date.now() / 1000) - 2,
    onDotGit: git === 'early' ? onDotGit : undefined,
  })
}

function limitsOf({ maxUnpackedBytes, maxEntries }: Inputs): TreeLimits {
  return { bytes: maxUnpackedBytes, entries: maxEntries }
}

async function probe(job: Job, { scratch }: Ground): Promise<Probed> {
  const [, probed] = await together(job.requireGit(), probeGit(scratch, job.context, job.inputs.sparse))
  return probed
}

/** What git would write anew or remove is not written. */
function selectionFor({ fileForm, cone }: Probed): Selection {
  if (fileForm.lineEnds === 'converted') return NOTHING
  const selection = cone === undefined ? EVERYTHING : selectionOf(cone)
  return fileForm.symlinks === 'links' ? selection : withoutSymlinks(selection)
}

/** Brings LFS content that the snapshot's server has, if it may have any. */
function lfsBringer({ job, session, staging }: Attempt): (() => Promise<void>) | undefined {
  const { location, requests } = session
  if (location.kind !== 'cachew') return undefined
  const { scratch, tree } = staging
  const { log, signal } = job.context
  const limits = limitsOf(job.inputs)
  const gitDirectory = join(tree, '.git')
  return async () => {
    await takeLfsSnapshot({ url: location.lfs, requests, limits, scratch, gitDirectory, log, signal })
  }
}

function submoduleBringer(filling: Filling): Place['bringSubmodules'] {
  const { bringSubmodules, staging, probed, tree } = filling
  if (bringSubmodules === undefined) return undefined
  return async () => {
    // The threads' memory is for those of the submodules.
    await tree.close()
    return bringSubmodules(staging, probed)
  }
}
