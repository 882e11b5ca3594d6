import { watch } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, beforeEach } from 'vitest'
import { type Started, start } from './action-run.ts'
import { makeUpstream, type Upstream } from './git-repo.ts'
import { type Place, remainsIn } from './place.ts'
import type { RunOptions } from './runner.ts'
import type { FaultScript } from './scripted-server.ts'
import type { Snapshot } from './snapshot-repository.ts'
import { type SnapshotServer, startSnapshotServer } from './snapshot-server.ts'
import { cloneOf } from './working-copy.ts'

export type ServedProject = {
  readonly upstream: Upstream
  readonly server: SnapshotServer
  readonly snapshot: Snapshot
  /** What `git clone` gives. */
  readonly clone: string
  /** The script of the requests to come; undefined for none. */
  fault: FaultScript | undefined
  /** Bytes that the server has sent since `server.log` was last emptied. */
  readonly sentBytes: () => number
  readonly close: () => Promise<void>
}

/** Small enough that even a small repository's archive has several frames. */
const FRAME_BYTES = 256 * 1024

type Script = Pick<ServedProject, 'fault'>

/** A repository `octo/project`, a snapshot server that has a snapshot of it, and a clone to compare with. */
export async function serveProject(script: Script = { fault: undefined }): Promise<ServedProject> {
  const root = await mkdtemp(join(tmpdir(), 'served-project-'))
  const upstream = await makeUpstream({ root: join(root, 'upstreams') })
  const server = await startSnapshotServer({
    upstreams: join(root, 'upstreams'),
    frameBytes: FRAME_BYTES,
    fault: (request) => script.fault?.(request),
  })
  const snapshot = await server.generate(upstream.repository)
  const clone = await cloneOf(upstream, root)
  return Object.assign(script, {
    upstream,
    server,
    snapshot,
    clone,
    sentBytes: () => server.log.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
    close: async () => {
      await server.close()
      await rm(root, { recursive: true, force: true })
    },
  })
}

/** One for all tests of a file, complete once the first of them runs; each finds it without a fault or a log. */
export function useServedProject(): ServedProject {
  const project = { fault: undefined } as ServedProject
  beforeAll(async () => {
    const { close } = await serveProject(project)
    return close
  })
  beforeEach(() => {
    project.fault = undefined
    project.server.log.length = 0
  })
  return project
}

/** The options of a step that restores the project's snapshot, and asks for nothing twice. */
export function restoring(project: ServedProject, options: RunOptions = {}): RunOptions {
  return {
    ...options,
    inputs: { server: project.server.url, 'on-miss': 'fail', retries: '0', ...options.inputs },
    github: { sha: project.snapshot.commit, ...options.github },
  }
}

/** When so much has come, and there is a place for it, much is unpacked. */
export const MUCH_BYTES = 1_200_000

/** Starts a step that has much unpacked, and gets no more. */
export async function startStalled(
  project: ServedProject,
  place: Place,
  options: RunOptions = {},
): Promise<Started> {
  project.fault = () => ({ stallAfter: MUCH_BYTES })
  const started = await start({ ...place, ...restoring(project, options) })
  await Promise.all([project.server.until(() => project.sentBytes() >= MUCH_BYTES), untilStaged(place)])
  return started
}

/** The first request goes out before staging is there, and a quick answer may be sent before that too. */
async function untilStaged({ temp }: Place): Promise<void> {
  const staged = Promise.withResolvers<void>()
  const look = (): void => {
    if (remainsIn(temp).length > 0) staged.resolve()
  }
  const watcher = watch(temp, look)
  try {
    look()
    await staged.promise
  } finally {
    watcher.close()
  }
}
