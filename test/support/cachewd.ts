import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startChildServer } from './child-server.ts'
import { findProgram } from './programs.ts'

export type Cachewd = { readonly url: string; readonly close: () => Promise<void> }

/** The server and what it calls itself to make snapshots; a test without them is skipped. */
export const cachewdPrograms = ['cachewd', 'git', 'tar', 'pzstd'] as const

/**
 * Starts the real Cachew server for the bare repositories `<upstreams>/github.com/<owner>/<name>.git`;
 * undefined where one of its programs is not installed.
 */
export async function startCachewd(upstreams: string): Promise<Cachewd | undefined> {
  const [program, ...others] = cachewdPrograms.map(findProgram)
  if (program === undefined || others.includes(undefined)) return undefined
  const directory = await mkdtemp(join(tmpdir(), 'cachewd-'))
  const home = join(directory, 'home')
  await mkdir(home)
  const [port, metricsPort] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${port}`
  const configuration = join(directory, 'cachew.hcl')
  await writeFile(configuration, serverConfiguration(directory, port, metricsPort))
  const gitConfiguration = join(directory, 'gitconfig')
  await writeFile(gitConfiguration, upstreamConfiguration(upstreams))
  const stop = await startChildServer({
    program,
    args: [`--config=${configuration}`],
    env: { HOME: home, GIT_CONFIG_GLOBAL: gitConfiguration, GIT_CONFIG_NOSYSTEM: '1' },
    readyUrl: `${url}/_liveness`,
    isReady: (status) => status === 200,
  })
  const close = async () => {
    await stop()
    await rm(directory, { recursive: true, force: true })
  }
  return { url, close }
}

function serverConfiguration(directory: string, port: number, metricsPort: number): string {
  return `state = "${directory}/state"
url = "http://127.0.0.1:${port}"
bind = "127.0.0.1:${port}"

shutdown-readiness-delay = "0s"

log {
  level = "warn"
}

opa {
  policy = <<EOF
  package cachew.authz
  default allow := true
EOF
}

metrics {
  port = ${metricsPort}
}

strategy git {
  snapshot-interval = "1h"
}

cache disk {
  root = "${directory}/cache"
  limit-mb = 20000
  max-ttl = "8h"
}

metadata memory {}
`
}

/** cachewd always clones https://github.com/…: these lines point that at the directory. */
function upstreamConfiguration(upstreams: string): string {
  return `[url "file://${upstreams}/github.com/"]
  insteadOf = https://github.com/
[protocol "file"]
  allow = always
[safe]
  directory = *
[user]
  name = Ada Author
  email = ada@example.com
`
}
