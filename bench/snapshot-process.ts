// The embedded snapshot server in a process of its own, so that it does not share an event loop with what measures:
// `fork(file, [options as JSON])`, then its address comes as a message. It ends with the process that forked it.
import { join } from 'node:path'
import { git } from '../test/support/git-repo.ts'
import { startSnapshotServer } from '../test/support/snapshot-server.ts'

export interface SnapshotProcessOptions {
  readonly upstreams: string
  readonly repository: string
  /** Where given, the server has a snapshot of `held`, and its mirror's branch has gone on to `commit` since. */
  readonly snapshot?: { readonly branch: string; readonly held: string; readonly commit: string }
}

const { upstreams, repository, snapshot } = JSON.parse(process.argv[2] ?? '') as SnapshotProcessOptions
// Ctrl-C reaches all processes of a terminal; this one ends when nobody needs it any more.
process.on('SIGINT', () => {})
const server = await startSnapshotServer({ upstreams })
process.once('disconnect', () => server.close().then(() => process.exit()))
if (snapshot !== undefined) {
  const directory = join(upstreams, 'github.com', `${repository}.git`)
  const moveTo = (commit: string) => git(directory, 'update-ref', `refs/heads/${snapshot.branch}`, commit)
  await moveTo(snapshot.held)
  await server.generate(repository)
  await moveTo(snapshot.commit)
}
process.send?.(server.url)
