import { join } from 'node:path'
import { resolveDestination } from './destination.ts'
import { type DownloadOptions, download } from './download/download.ts'
import { ActionError, describeError } from './errors.ts'
import { staysInDotGit } from './git/dotgit.ts'
import { probeConfig } from './git/fresh-config.ts'
import { fillIndex } from './git/index-file.ts'
import { settle } from './git/settle.ts'
import { HttpClient } from './http/client.ts'
import type { Inputs } from './inputs.ts'
import { PATIENCE, Patience } from './patience.ts'
import { Progress } from './progress.ts'
import type { Report } from './report.ts'
import { secretHeaders } from './request-headers.ts'
import { type Location, locate } from './snapshot/locate.ts'
import { type OpenOptions, openSnapshot } from './snapshot/open.ts'
import { Timing } from './timing.ts'
import { together } from './together.ts'
import { DEFAULT_LIMITS } from './unpack/policy.ts'
import { Staging } from './unpack/staging.ts'
import { threadsFor } from './unpack/threads.ts'
import { TreeBuilder } from './unpack/tree.ts'
import { unpack } from './unpack/unpack.ts'

/** What a restore may use of the world around it. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The runner's temporary directory. */
  readonly temp: string
  /** Aborted, the restore ends and leaves the destination as it was. */
  readonly signal: AbortSignal
  readonly log: (line: string) => void
  /** Told where staging is to be, before it is there. */
  readonly onStaging: (root: string) => void
}

/** Puts a snapshot's working copy into the destination. On failure the destination is as it was. */
export async function restore(inputs: Inputs, context: Context): Promise<Report> {
  const began = performance.now()
  const destination = await resolveDestination(inputs.workspace, inputs.destination)
  const location = locate(inputs)
  const client = new HttpClient({
    env: context.env,
    secrets: { origin: location.url.origin, headers: secretHeaders(inputs) },
    connectTimeoutMs: PATIENCE.connectTimeoutMs,
    connections: inputs.concurrency,
  })
  const patience = new Patience(inputs, context)
  const progress = new Progress(client.traffic, context.log)
  const timing: Job['timing'] = new Timing()
  const { signal, stall, attemptsFor } = patience
  const requests = { ...inputs, ...PATIENCE, client, signal, stall, attemptsFor }
  const job = { inputs, context, destination, location, requests, progress, timing }
  try {
    const restored = await attempt(job).catch((error: unknown) => {
      if (!(error instanceof ActionError && error.code === 'SNAPSHOT_CHANGED')) throw error
      context.log(`${error.message}; starting again with the new one`)
      return attempt(job)
    })
    const { repository } = inputs
    return {
      ...restored,
      ...client.traffic,
      source: location.kind,
      repository: `${repository.owner}/${repository.name}`,
      retries: patience.retried,
      openMs: timing.milliseconds('open'),
      restoreMs: timing.milliseconds('restore'),
      settleMs: timing.milliseconds('settle'),
      totalMs: performance.now() - began,
    }
  } finally {
    patience.end()
    progress.end()
    await client.close()
  }
}

/** What the attempts of one restore share. */
interface Job {
  readonly inputs: Inputs
  readonly context: Context
  readonly destination: string
  readonly location: Location
  readonly requests: OpenOptions & DownloadOptions
  readonly progress: Progress
  readonly timing: Timing<'open' | 'restore' | 'settle'>
}

type Restored = Pick<Report, 'commit' | 'etag' | 'unpackedBytes' | 'files'>

/** One snapshot's way. What is no longer needed and cannot be removed now is left for the step after the job. */
async function attempt(job: Job): Promise<Restored> {
  const staging = await Staging.create(job.destination, job.context)
  const unremoved = (error: unknown): void =>
    job.context.log(`could not remove ${staging.root} yet: ${describeError(error)}`)
  try {
    const restored = await build(job, staging)
    await staging.leave().catch(unremoved)
    return restored
  } catch (error) {
    await staging.remove().catch(unremoved)
    throw error
  }
}

/** Open, download, unpack, settle, swap. When it fails, nothing writes to staging any more. */
async function build(job: Job, staging: Staging): Promise<Restored> {
  const { inputs, context, requests, timing } = job
  const threads = threadsFor(2 * inputs.concurrency * inputs.chunkBytes)
  const tree = new TreeBuilder({
    ...threads,
    root: staging.tree,
    limits: DEFAULT_LIMITS,
    staysInDotGit,
    mtime: Math.floor(Date.now() / 1000) - 2,
  })
  try {
    const [snapshot, probedConfig] = await timing.measure('open', () =>
      together(openSnapshot(job.location.url, requests), probeConfig(staging.scratch, context)),
    )
    job.progress.total = snapshot.total
    const { files, bytes, recordOf, movedRecordOf } = await timing.measure('restore', () =>
      unpack(download(snapshot, requests), tree, { ...threads, commit: snapshot.commit }),
    )
    const { commit } = await timing.measure('settle', async () => {
      const { owner, name } = inputs.repository
      const settled = await settle({
        ...context,
        tree: staging.tree,
        expectedCommit: snapshot.commit,
        remoteUrl: `${inputs.githubServerUrl.origin}/${owner}/${name}`,
        probedConfig,
        recordOf,
      })
      context.signal.throwIfAborted()
      await staging.swap()
      const dotGit = join(job.destination, '.git')
      await fillIndex(dotGit, movedRecordOf(job.destination), settled.objectFormat).catch((error: unknown) =>
        context.log(`git will read some files again: ${describeError(error)}`),
      )
      return settled
    })
    return { commit, etag: snapshot.etag, unpackedBytes: bytes, files }
  } finally {
    await tree.close()
  }
}
