import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FileChange, makeUpstream, type Upstream } from './git-repo.ts'
import type { FaultScript } from './scripted-server.ts'
import { type Snapshot, type SnapshotServer, startSnapshotServer } from './snapshot-server.ts'
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

/** A repository `octo/project`, a snapshot server that has a snapshot of it, and a clone to compare with. */
export async function serveProject(history?: FileChange[][]): Promise<ServedProject> {
  const root = await mkdtemp(join(tmpdir(), 'served-project-'))
  const upstream = await makeUpstream({ root: join(root, 'upstreams') }, history)
  const script: { fault: FaultScript | undefined } = { fault: undefined }
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
