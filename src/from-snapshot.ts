import { join } from 'node:path'
import { arrive } from './arrival.ts'
import type { ByteStream } from './byte-stream.ts'
import { withDigest } from './digest.ts'
import { download } from './download/download.ts'
import { ActionError } from './errors.ts'
import { freshenClone } from './freshening.ts'
import { staysInDotGit } from './git/dotgit.ts'
import { probeConfig } from './git/fresh-config.ts'
import { gitIn } from './git/git.ts'
import { proveCommit } from './git/proof.ts'
import { type Settled, settle } from './git/settle.ts'
import { requireGit } from './git/version.ts'
import type { Target } from './git/wanted.ts'
import { placeOf } from './http/failure.ts'
import type { Inputs } from './inputs.ts'
import type { Job } from './job.ts'
import { takeLfsSnapshot } from './lfs-snapshot.ts'
import { type Grown, publish } from './publication.ts'
import type { Arrival } from './report.ts'
import type { Session } from './session.ts'
import { Shortcuts } from './shortcuts.ts'
import type { Snapshot } from './snapshot/open.ts'
import { together } from './together.ts'
import type { TreeLimits } from './unpack/policy.ts'
import type { Staging } from './unpack/staging.ts'
import { threadsFor } from './unpack/threads.ts'
import { type Tree, TreeBuilder } from './unpack/tree.ts'
import { unpack } from './unpack/unpack.ts'

interface Attempt {
  readonly job: Job
  readonly target: Target
  readonly session: Session
  readonly staging: Staging
}

/** Open, download, unpack, settle, freshen, arrive, swap. On failure the destination is as it was. */
export async function fromSnapshot(job: Job, target: Target, session: Session): Promise<Arrival> {
  const attempt = () => publish(job, (staging) => grow({ job, target, session, staging }))
  try {
    return await attempt()
  } catch (error) {
    if (!(error instanceof ActionError && error.code === 'SNAPSHOT_CHANGED')) throw error
    job.context.log(`${error.message}; starting again with the new one`)
    return attempt()
  }
}

/** When it ends, however it does, nothing writes to staging any more. */
async function grow(attempt: Attempt): Promise<Grown<Arrival>> {
  const { job, target, session, staging } = attempt
  const { inputs, timing } = job
  const threads = threadsFor(2 * inputs.concurrency * inputs.chunkBytes)
  const mtime = Math.floor(Date.now() / 1000) - 2
  const tree = new TreeBuilder({
    ...threads,
    root: staging.tree,
    limits: limitsOf(inputs),
    staysInDotGit,
    mtime,
  })
  const shortcuts = new Shortcuts({ job, session, commit: target.commit, file: join(staging.root, 'bundle') })
  try {
    const [snapshot, probedConfig] = await timing.measure('open', () =>
      together(session.open(), probe(job, staging)),
    )
    await staging.room.require(snapshot.total)
    shortcuts.begin(snapshot.commit)
    const unpacked = await timing.measure('restore', () =>
      unpack(streamOf(snapshot, attempt), tree, { ...threads, commit: snapshot.commit }),
    )
    const { commit, objectFormat, freshenedBy } = await timing.measure('settle', () =>
      advance({ ...attempt, expectedCommit: snapshot.commit, unpacked, probedConfig, shortcuts }),
    )
    const { bytes: unpackedBytes, files, movedRecordOf } = unpacked
    const restored = { source: session.location.kind, commit, etag: snapshot.etag, unpackedBytes, files }
    const result: Arrival = { outcome: 'restored', freshenedBy, commit: target.commit, snapshot: restored }
    return { result, proven: { objectFormat, movedRecordOf } }
  } finally {
    await shortcuts.drop()
    await tree.close()
  }
}

function limitsOf({ maxUnpackedBytes, maxEntries }: Inputs): TreeLimits {
  return { bytes: maxUnpackedBytes, entries: maxEntries }
}

/** The snapshot's bytes, held to the digest that the job names. */
function streamOf(snapshot: Snapshot, { job, session }: Attempt): ByteStream {
  const stream = download(snapshot, session.requests)
  const { sha256 } = job.inputs
  return sha256 === undefined ? stream : withDigest(stream, { sha256, place: placeOf(snapshot.url) })
}

async function probe({ context }: Job, { tree, scratch }: Staging): Promise<string> {
  await requireGit(gitIn(tree, context))
  return probeConfig(scratch, context)
}

interface Unpacked extends Attempt {
  readonly expectedCommit: string | undefined
  readonly unpacked: Tree
  readonly probedConfig: string
  readonly shortcuts: Shortcuts
}

/** From unpacked files to a clone at the snapshot's commit, and from there to the wanted one. */
async function advance(at: Unpacked): Promise<Settled & Pick<Arrival, 'freshenedBy'>> {
  const { job, target, staging, unpacked, shortcuts } = at
  const { context } = job
  const { tree } = staging
  const { expectedCommit, probedConfig } = at
  const settled = await settle({
    ...context,
    tree,
    expectedCommit,
    probedConfig,
    remoteUrl: job.origin.url,
    recordOf: unpacked.recordOf,
  })
  shortcuts.begin(settled.commit)
  const { bundle, server } = shortcuts
  const freshenedBy = await freshenClone(job, { tree, clone: 'new', target, bundle, server })
  const { objectFormat } = settled
  const snapshot = { commit: settled.commit, unproven: settled.unproven }
  const { commit } = target
  await proveCommit({ git: gitIn(tree, context), commit, objectFormat, snapshot })
  // Files that are all proven by the index leave no room for others.
  const isExact = settled.filled === settled.entries && settled.entries === unpacked.workFiles
  const untracked = isExact ? 'keep' : 'remove'
  const bringLfsObjects = lfsBringer(at)
  await arrive(job, target, { tree, clone: 'new', untracked, isPartial: false, ...bringLfsObjects })
  return { ...settled, freshenedBy }
}

function lfsBringer({ job, session, staging }: Attempt): { readonly bringLfsObjects?: () => Promise<void> } {
  const { location, requests } = session
  if (location.kind !== 'cachew') return {}
  const { scratch, tree } = staging
  const { log, signal } = job.context
  const limits = limitsOf(job.inputs)
  const gitDirectory = join(tree, '.git')
  return {
    bringLfsObjects: async () => {
      await takeLfsSnapshot({ url: location.lfs, requests, limits, scratch, gitDirectory, log, signal })
    },
  }
}
