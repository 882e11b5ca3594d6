import { join } from 'node:path'
import { resolveDestination } from './destination.ts'
import { download } from './download/download.ts'
import { ActionError, describeError } from './errors.ts'
import { staysInDotGit } from './git/dotgit.ts'
import { probeConfig } from './git/fresh-config.ts'
import { fillIndex } from './git/index-file.ts'
import { settle } from './git/settle.ts'
import type { Inputs } from './inputs.ts'
import type { Report } from './report.ts'
import { type Context, Session } from './session.ts'
import { openSnapshot } from './snapshot/open.ts'
import { together } from './together.ts'
import { DEFAULT_LIMITS } from './unpack/policy.ts'
import { Staging } from './unpack/staging.ts'
import { threadsFor } from './unpack/threads.ts'
import { TreeBuilder } from './unpack/tree.ts'
import { unpack } from './unpack/unpack.ts'

type Restored = Pick<Report, 'commit' | 'etag' | 'unpackedBytes' | 'files'>

/** Puts a snapshot's working copy into the destination. On failure the destination is as it was. */
export async function restore(inputs: Inputs, context: Context): Promise<Report> {
  const destination = await resolveDestination(inputs.workspace, inputs.destination)
  const session = new Session(inputs, context)
  try {
    const restored = await attempt(session, destination).catch((error: unknown) => {
      if (!(error instanceof ActionError && error.code === 'SNAPSHOT_CHANGED')) throw error
      context.log(`${error.message}; starting again with the new one`)
      return attempt(session, destination)
    })
    return session.report(restored)
  } finally {
    await session.close()
  }
}

/** Stages a tree and swaps it in. What cannot be removed now is left for the step after the job. */
async function attempt(session: Session, destination: string): Promise<Restored> {
  const { context, timing } = session
  const staging = await Staging.create(destination, context)
  const unremoved = (error: unknown): void =>
    context.log(`could not remove ${staging.root} yet: ${describeError(error)}`)
  try {
    const { restored, movedRecordOf, objectFormat } = await stage(session, staging)
    await timing.measure('settle', async () => {
      context.signal.throwIfAborted()
      await staging.swap()
      await fillIndex(join(destination, '.git'), movedRecordOf(destination), objectFormat).catch((error) =>
        context.log(`git will read some files again: ${describeError(error)}`),
      )
    })
    await staging.leave().catch(unremoved)
    return restored
  } catch (error) {
    await staging.remove().catch(unremoved)
    throw error
  }
}

/** Open, download, unpack, settle. When it ends, however it does, nothing writes to staging any more. */
async function stage(session: Session, staging: Staging) {
  const { inputs, context, requests, timing, url, remoteUrl } = session
  const threads = threadsFor(2 * inputs.concurrency * inputs.chunkBytes)
  const mtime = Math.floor(Date.now() / 1000) - 2
  const tree = new TreeBuilder({
    ...threads,
    root: staging.tree,
    limits: DEFAULT_LIMITS,
    staysInDotGit,
    mtime,
  })
  try {
    const [snapshot, probedConfig] = await timing.measure('open', () =>
      together(openSnapshot(url, requests), probeConfig(staging.scratch, context)),
    )
    const { total, commit: expectedCommit, etag } = snapshot
    session.progress.total = total
    const { files, bytes, recordOf, movedRecordOf } = await timing.measure('restore', () =>
      unpack(download(snapshot, requests), tree, { ...threads, commit: expectedCommit }),
    )
    const { commit, objectFormat } = await timing.measure('settle', () =>
      settle({ ...context, tree: staging.tree, expectedCommit, remoteUrl, probedConfig, recordOf }),
    )
    const restored: Restored = { commit, etag, unpackedBytes: bytes, files }
    return { restored, movedRecordOf, objectFormat }
  } finally {
    await tree.close()
  }
}
