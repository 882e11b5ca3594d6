import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FileChange, git, makeUpstream, type Upstream } from './git-repo.ts'
import { type GithubServer, startGithubServer } from './github-server.ts'
import type { GithubContext } from './runner-environment.ts'
import type { FaultScript } from './scripted-server.ts'
import type { Snapshot } from './snapshot-repository.ts'
import { type SnapshotServer, startSnapshotServer } from './snapshot-server.ts'

/** A GitHub server, and a snapshot server beside it that knows the same repositories. */
export type Forge = {
  readonly github: GithubServer
  readonly snapshots: SnapshotServer
  /** Where the repositories of the GitHub server are, `<owner>/<name>.git`. */
  readonly repositories: string
  /** What the GitHub server wants. */
  readonly token: string
  readonly makeRepository: (repository: string, options?: RepositoryOptions) => Promise<Upstream>
  /** Makes a snapshot of the repository as it is now; one that is made again takes the place of the first. */
  readonly snapshot: (upstream: Upstream) => Promise<Snapshot>
  /** What a job is told that runs for this repository. */
  readonly job: (upstream: Upstream, event?: Partial<GithubContext>) => Partial<GithubContext>
  /** Scripts of the requests to come. */
  readonly faults: { github?: FaultScript | undefined; snapshots?: FaultScript | undefined }
  readonly close: () => Promise<void>
}

type RepositoryOptions = {
  readonly history?: FileChange[][]
  /** @default 'sha1' */
  readonly objectFormat?: 'sha1' | 'sha256'
}

const TOKEN = 'ghs_0123456789abcdefABCDEF'
const FRAME_BYTES = 256 * 1024

export async function startForge(): Promise<Forge> {
  const root = await mkdtemp(join(tmpdir(), 'forge-'))
  const faults: Forge['faults'] = {}
  const github = await startGithubServer({
    upstreams: root,
    token: TOKEN,
    fault: (request) => faults.github?.(request),
  })
  const snapshots = await startSnapshotServer({
    upstreams: root,
    frameBytes: FRAME_BYTES,
    fault: (request) => faults.snapshots?.(request),
  })
  const { host } = github
  return {
    github,
    snapshots,
    repositories: join(root, host),
    token: TOKEN,
    faults,
    makeRepository: async (repository, { history, objectFormat = 'sha1' } = {}) => {
      const directory = join(root, host, `${repository}.git`)
      const format = ['--initial-branch=main', `--object-format=${objectFormat}`]
      await git(root, 'init', '--quiet', '--bare', ...format, directory)
      // What GitHub allows: pushes, and commits that no ref has.
      await git(directory, 'config', 'http.receivepack', 'true')
      await git(directory, 'config', 'uploadpack.allowAnySHA1InWant', 'true')
      return makeUpstream({ root, host, repository }, history)
    },
    snapshot: ({ repository }) => snapshots.generate(repository, host),
    job: ({ repository }, event) => ({ repository, serverUrl: github.url, token: TOKEN, ...event }),
    close: async () => {
      await Promise.all([github.close(), snapshots.close()])
      await rm(root, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}
