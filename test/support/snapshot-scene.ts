import { execFileSync } from 'node:child_process'
import { onTestFinished } from 'vitest'
import { makeUpstream } from './git-repo.ts'
import { type SnapshotServerOptions, startSnapshotServer } from './snapshot-server.ts'
import { temporary } from './temporary.ts'

/** A repository and a snapshot server that has none of it yet. */
export async function scene(options: Partial<SnapshotServerOptions> = {}) {
  const root = temporary()
  const upstream = await makeUpstream({ root })
  const server = await startSnapshotServer({ upstreams: root, ...options })
  onTestFinished(() => server.close())
  const repository = `${server.url}/git/github.com/octo/project`
  return { upstream, server, repository, url: `${repository}/snapshot.tar.zst` }
}

/** The directory that an archive holds. */
export function unpacked(archive: Buffer): string {
  const directory = temporary()
  const tarball = execFileSync('zstd', ['-dc'], { input: archive, maxBuffer: 1 << 30 })
  execFileSync('tar', ['-xpf', '-', '-C', directory], { input: tarball })
  return directory
}
