import { join } from 'node:path'
import { staysInDotGit } from '../git/dotgit.ts'
import { type Probed, probeGit } from '../git/probe.ts'
import type { Target } from '../git/wanted.ts'
import type { Inputs } from '../inputs.ts'
import type { Job } from '../job.ts'
import { formatMegabytes } from '../report/amounts.ts'
import type { Arrival } from '../report/report.ts'
import type { Opened, Session } from '../source/session.ts'
import { together } from '../together.ts'
import type { TreeLimits } from '../unpack/policy.ts'
import { EVERYTHING, NOTHING, type Selection, selectionOf, withoutSymlinks } from '../unpack/selection.ts'
import { threadsFor } from '../unpack/threads.ts'
import { TreeBuilder } from '../unpack/tree.ts'
import { type Unpacked, unpack } from '../unpack/unpack.ts'
import type { Place } from './arrival.ts'
import { type Attempt, inAttempts } from './attempts.ts'
import { takeLfsSnapshot } from './lfs-snapshot.ts'
import { type Grown, publish } from './publication.ts'
import type { Ground, Restoring } from './restoring.ts'
import { Shortcuts } from './shortcuts.ts'
import { SnapshotClone } from './snapshot-clone.ts'
import { STAGE_WORDS } from './stage-words.ts'
import { bringSubmodules } from './submodule-snapshots.ts'

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
  const restore = (restoring: Restoring): Promise<Arrival> => inAttempts(restoring, grow)
  if (submodules === 'none' || session.location.kind !== 'cachew') return restore(whole)
  return restore({
    ...whole,
    bringSubmodules: (staging, probed) =>
      bringSubmodules({ job, session, threads, staging, probed, restore }),
  })
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
    await staging.disk.require(snapshot.total)
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
  const { bytes: unpackedBytes, files, spent } = unpacked
  const { commit, objectFormat, isShallow, freshenedBy, behind } = settled
  const { source, host, place, etag, total: totalBytes, modifiedMs } = snapshot
  const ageMs = modifiedMs === undefined ? undefined : Math.max(0, Date.now() - modifiedMs)
  const told = { source, host, place, etag, totalBytes, ageMs, isShallow, behind }
  const restored = { ...told, commit, unpackedBytes, files, spent }
  const result: Arrival = { outcome: 'restored', freshenedBy, commit: target.commit, snapshot: restored }
  return { result, objectFormat }
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
  const expected = { remoteUrl: job.origin.url, sparse: job.inputs.sparse }
  const [, probed] = await together(job.requireGit(), probeGit(scratch, job.context, expected))
  return probed
}

/** What git would write anew or remove is not written. */
function selectionFor({ fileForm, cone }: Probed): Selection {
  if (fileForm.content === 'converted') return NOTHING
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
