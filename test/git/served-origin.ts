import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { GitContext } from '../../src/git/git.ts'
import type { GitRetries, Origin } from '../../src/git/origin.ts'
import { settingsEnvironment } from '../../src/git/settings.ts'
import type { Fault } from '../support/fault.ts'
import { gitEnvironment, makeUpstream, type Upstream } from '../support/git-repo.ts'
import { basicCredential, type GithubServer, startGithubServer } from '../support/github-server.ts'
import type { FaultRequest } from '../support/scripted-server.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

const TOKEN = 'ghs_served-origin'

/** A repository at a git host that wants a token, and a directory for what the running test does with it. */
export type ServedOrigin = {
  readonly root: string
  readonly upstream: Upstream
  readonly github: GithubServer
  readonly origin: Origin
  /** Where git runs for the test. */
  readonly place: GitContext
  /** Retries without a wait; how long each would have been is in `delays`. */
  readonly retries: GitRetries
  readonly delays: number[]
  /** What goes wrong at the git host; nothing at first. */
  readonly script: { fault: (request: FaultRequest) => Fault | undefined }
  readonly close: () => Promise<void>
}

export async function serveOrigin(): Promise<ServedOrigin> {
  const root = await realpath(temporary())
  const upstreams = join(root, 'upstreams')
  const script: ServedOrigin['script'] = { fault: () => undefined }
  const github = await startGithubServer({
    upstreams,
    token: TOKEN,
    fault: (request) => script.fault(request),
  })
  const upstream = await makeUpstream({ root: upstreams, host: github.host }, [
    [{ path: 'README.md', content: 'one\n' }],
    [{ path: 'README.md', content: 'two\n' }],
  ])
  const header = `AUTHORIZATION: basic ${basicCredential(TOKEN)}`
  const delays: number[] = []
  return {
    root,
    upstream,
    github,
    origin: {
      url: `${github.url}/${upstream.repository}`,
      env: settingsEnvironment([[`http.${github.url}/.extraheader`, header]], gitEnvironment),
    },
    place: gitContext,
    retries: { random: () => 0.5, wait: async (delayMs) => void delays.push(delayMs), onRetry: () => {} },
    delays,
    script,
    close: () => github.close(),
  }
}
