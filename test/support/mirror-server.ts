import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { FaultScript } from './scripted-server.ts'
import type { ServedProject } from './served-project.ts'
import { type SnapshotServer, startSnapshotServer } from './snapshot-server.ts'

/** Another server, until the running test ends, with a snapshot of its own of the project as it is now. */
export async function startMirror(
  { upstream: { directory, repository } }: ServedProject,
  fault?: FaultScript,
): Promise<SnapshotServer> {
  const upstreams = join(directory, '..', '..', '..')
  const server = await startSnapshotServer({ upstreams, frameBytes: 256 * 1024, ...(fault && { fault }) })
  onTestFinished(() => server.close())
  await server.generate(repository)
  return server
}

/** What the input `server` becomes for these, in this order. */
export function addresses(...servers: readonly (string | { readonly url: string })[]): readonly URL[] {
  return servers.map((server) => new URL(typeof server === 'string' ? server : `${server.url}/`))
}
