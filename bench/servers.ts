import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ask } from '../test/support/ask.ts'
import { startCachewd } from '../test/support/cachewd.ts'
import { selfSigned } from '../test/support/certificate.ts'
import { type NginxOptions, startNginx } from '../test/support/nginx.ts'
import type { Closing } from './closing.ts'
import type { Data } from './data.ts'
import { freshDirectory } from './place.ts'
import type { SnapshotProcessOptions } from './snapshot-process.ts'

/** What a case needs is not on this machine; the case is left out, with these words. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
}

/** What one connection gets of the throttled nginx, in bytes a second: its `limit_rate 30m`. */
export const LIMIT_RATE = 30 * 1024 ** 2

export interface Secure {
  readonly url: string
  /** What its clients are to trust. */
  readonly certificateFile: string
}

/** The servers of one run. Each is a process of its own, starts when it is first asked for, and ends with the run. */
export class Servers {
  readonly #served: string
  readonly #closing: Closing
  readonly #started = new Map<string, Promise<string>>()

  /** `served` is the directory that nginx serves. */
  constructor(served: string, closing: Closing) {
    this.#served = served
    this.#closing = closing
  }

  nginx(): Promise<string> {
    return this.#once('nginx', async () => (await this.#startNginx({})).url)
  }

  throttled(): Promise<string> {
    return this.#once('throttled', async () => (await this.#startNginx({ limitRate: LIMIT_RATE })).url)
  }

  /** What another server has, at so many bytes a second for each connection. */
  async limited(server: string, limitRate: number): Promise<string> {
    return (await this.#startNginx({ root: new URL(server), limitRate })).url
  }

  /** nginx, 40 ms away. */
  distant(): Promise<string> {
    return this.#once('distant', async () => {
      const { port } = new URL(await this.nginx())
      return `http://127.0.0.1:${await this.#fork('latency-proxy.ts', port)}`
    })
  }

  async secure(): Promise<Secure> {
    const certificate = await selfSigned('localhost')
    const { secureUrl: url = '' } = await this.#startNginx({ certificate })
    const certificateFile = join(freshDirectory('certificate'), 'cert.pem')
    writeFileSync(certificateFile, certificate.cert)
    return { url, certificateFile }
  }

  /** The embedded snapshot server: git's own server for the repository. */
  git({ upstreams, repository }: Pick<Data, 'upstreams' | 'repository'>): Promise<string> {
    return this.#once(`git ${repository}`, () => this.#startSnapshots({ upstreams, repository }))
  }

  /** The same server, where each connection gets LIMIT_RATE. */
  throttledGit(data: Data): Promise<string> {
    return this.#once(`throttled git ${data.repository}`, async () => {
      const root = new URL(await this.git(data))
      return (await this.#startNginx({ root, limitRate: LIMIT_RATE })).url
    })
  }

  /** The embedded snapshot server with a snapshot of the last commit but one, from which a bundle leads to the last. */
  snapshots({ upstreams, repository, branch, commit, parent }: Data): Promise<string> {
    if (parent === undefined) throw new Unavailable('the repository has only one commit')
    const snapshot = { branch, held: parent, commit }
    return this.#once(`snapshots ${repository}`, () =>
      this.#startSnapshots({ upstreams, repository, snapshot }),
    )
  }

  /** What the runner gives a job for the Actions cache, whose blobs come at LIMIT_RATE a connection; as JSON. */
  cache(): Promise<string> {
    return this.#once('cache', () => this.#fork('cache-process.ts', ''))
  }

  /** Servers of no use, by what is wrong with each. */
  async dead(): Promise<Readonly<Record<string, string>>> {
    return JSON.parse(await this.#once('dead', () => this.#fork('dead-servers.ts', '')))
  }

  /** A Cachew server that has its snapshot ready. */
  cachewd({ upstreams, repository }: Data): Promise<string> {
    return this.#once(`cachewd ${repository}`, async () => {
      const cachewd = await startCachewd(upstreams)
      if (cachewd === undefined) throw new Unavailable('cachewd, or what it needs, is not on PATH')
      this.#closing.add(cachewd.close)
      await untilInParts(`${cachewd.url}${snapshotPath(repository)}`)
      return cachewd.url
    })
  }

  #once(key: string, start: () => Promise<string>): Promise<string> {
    const started = this.#started.get(key) ?? start()
    this.#started.set(key, started)
    return started
  }

  async #startNginx(options: Partial<NginxOptions>) {
    const nginx = await startNginx({ root: this.#served, ...options })
    if (nginx === undefined) throw new Unavailable('nginx is not on PATH')
    this.#closing.add(nginx.close)
    return nginx
  }

  #startSnapshots(options: SnapshotProcessOptions): Promise<string> {
    return this.#fork('snapshot-process.ts', JSON.stringify(options))
  }

  /** Starts a module of this folder, and resolves with its first message. */
  async #fork(module: string, argument: string): Promise<string> {
    const child = fork(join(import.meta.dirname, module), [argument])
    this.#closing.add(() => endFork(child))
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`${module} ended with ${code}`)
    })
    const [message] = await Promise.race([once(child, 'message'), ended])
    ended.catch(() => {}) // it ends when it is told to
    return String(message)
  }
}

export function snapshotPath(repository: string): string {
  return `/git/github.com/${repository}/snapshot.tar.zst`
}

/** The first answers of a Cachew server are the snapshot while it is made; only then are there parts of it. */
async function untilInParts(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { status } = await ask(url, { headers: { range: 'bytes=0-0' } })
    if (status === 206) return
    await delay(200)
  }
  throw new Unavailable('cachewd does not answer with parts of its snapshot')
}

async function endFork(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.disconnect()
  await exit
}
