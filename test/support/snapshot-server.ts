import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { type PzstdOptions, pzstd, tarDirectory } from './archive.ts'
import { gitHttpAnswer } from './git-http.ts'
import { git, gitBytes } from './git-repo.ts'
import { lfsTar } from './lfs-upstream.ts'
import { type FaultScript, type Reply, type ScriptedServer, startScriptedServer } from './scripted-server.ts'
import {
  type Answer,
  answerFor,
  bytesObject,
  fileObject,
  type Headers,
  type StoredObject,
} from './stored-object.ts'

export { startObjectServer } from './object-server.ts'

export type SnapshotServerOptions = PzstdOptions & {
  /** Where the bare repositories are, `<upstreams>/<host>/<owner>/<name>.git`. They are the mirrors too. */
  readonly upstreams: string
  /** What the first request for a snapshot gets; newer Cachew servers answer 404. Default `generate`. */
  readonly cold?: 'generate' | 'not-found'
  readonly fault?: FaultScript
}

export type SnapshotServer = ScriptedServer & {
  /** The path at which a repository's snapshot is. */
  readonly snapshotPath: (repository: string, host?: string) => string
  /** Makes a snapshot of the repository as it is now, with a new ETag, as Cachew does every hour. */
  readonly generate: (repository: string, host?: string) => Promise<Snapshot>
  /** Makes an LFS snapshot of what HEAD needs; before it the server has none. */
  readonly generateLfs: (repository: string, host?: string) => Promise<void>
  /** Forgets the snapshot: the next request is a cold one. */
  readonly evict: (repository: string, host?: string) => void
}

export type Snapshot = {
  readonly commit: string
  readonly etag: string
  readonly bytes: number
  readonly file: string
}

const DEFAULT_HOST = 'github.com'

/** A server that keeps Cachew's contract, with nothing but git and Node. */
export async function startSnapshotServer(options: SnapshotServerOptions): Promise<SnapshotServer> {
  const directory = await mkdtemp(join(tmpdir(), 'snapshot-server-'))
  const repositories = new Map<string, Repository>()
  const repositoryAt = (name: string): Repository => {
    const known = repositories.get(name)
    if (known !== undefined) return known
    const repository = new Repository(name, directory, options)
    repositories.set(name, repository)
    return repository
  }
  const server = await startScriptedServer((request, gone) => {
    const route = routeOf(request)
    if (route === undefined) return plain(404, 'not found\n')
    if (route.kind === 'liveness') return plain(200, 'OK\n')
    return answerRoute(route, repositoryAt(route.name), { request, gone, options })
  }, options.fault)
  return {
    ...server,
    snapshotPath: (repository, host = DEFAULT_HOST) => `/git/${host}/${repository}/snapshot.tar.zst`,
    generate: (repository, host = DEFAULT_HOST) => repositoryAt(`${host}/${repository}`).generate(),
    generateLfs: (repository, host = DEFAULT_HOST) => repositoryAt(`${host}/${repository}`).generateLfs(),
    evict: (repository, host = DEFAULT_HOST) => repositoryAt(`${host}/${repository}`).evict(),
    close: async () => {
      await server.close()
      await Promise.all([...repositories.values()].map((repository) => repository.settled()))
      await rm(directory, { recursive: true, force: true })
    },
  }
}

type RepositoryRoute = {
  readonly kind: 'snapshot' | 'lfs' | 'bundle' | 'ensure-refs' | 'git'
  /** `<host>/<owner>/<name>` */
  readonly name: string
  /** What follows the repository. */
  readonly rest: string
  readonly query: string
}

function routeOf(request: IncomingMessage): RepositoryRoute | { readonly kind: 'liveness' } | undefined {
  const { pathname, search } = new URL(request.url ?? '/', 'http://server')
  if (pathname === '/_liveness') return { kind: 'liveness' }
  const [, name = '', rest = ''] = /^\/git\/([^/]+\/[^/]+\/[^/]+?)(?:\.git)?(\/.*)$/.exec(pathname) ?? []
  if (name === '' || name.split('/').includes('..')) return undefined
  const kinds = {
    '/snapshot.tar.zst': 'snapshot',
    '/lfs-snapshot.tar.zst': 'lfs',
    '/snapshot.bundle': 'bundle',
    '/ensure-refs': 'ensure-refs',
  } as const
  return { kind: kinds[rest as keyof typeof kinds] ?? 'git', name, rest, query: search }
}

type Visit = {
  readonly request: IncomingMessage
  readonly gone: AbortSignal
  readonly options: SnapshotServerOptions
}

async function answerRoute(route: RepositoryRoute, repository: Repository, visit: Visit): Promise<Reply> {
  switch (route.kind) {
    case 'snapshot':
      if (visit.request.method === 'HEAD') return repository.head(visit.request)
      return repository.snapshot(visit.options.cold ?? 'generate')
    case 'lfs':
      return repository.lfsSnapshot()
    case 'bundle':
      return repository.bundle(new URLSearchParams(route.query).get('base') ?? '')
    case 'ensure-refs':
      return repository.ensureRefs(visit.request)
    case 'git': {
      const path = `/${route.name}.git${route.rest}`
      return gitHttpAnswer({ root: visit.options.upstreams, path, query: route.query, ...visit })
    }
  }
}

/** One repository: its upstream, its cached snapshot, and a generation while one is going on. */
class Repository {
  readonly #name: string
  readonly #directory: string
  readonly #options: SnapshotServerOptions
  #cached: (Snapshot & { readonly object: StoredObject }) | undefined
  #lfs: Buffer | undefined
  #cold: Cold | undefined
  readonly #running = new Set<Promise<unknown>>()

  constructor(name: string, directory: string, options: SnapshotServerOptions) {
    this.#name = name
    this.#directory = directory
    this.#options = options
  }

  get #upstream(): string {
    return join(this.#options.upstreams, `${this.#name}.git`)
  }

  evict(): void {
    this.#cached = undefined
  }

  /** Waits for what still runs, whatever came of it. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running)
  }

  generate(): Promise<Snapshot> {
    return this.#track(this.#generate(() => {}))
  }

  async generateLfs(): Promise<void> {
    this.#lfs = await buffer(pzstd(await lfsTar(this.#upstream), this.#options))
  }

  /** Always all of it: Cachew takes no condition here, and promises no ranges. */
  lfsSnapshot(): Answer {
    if (this.#lfs === undefined) return plain(404, 'LFS snapshot not found\n')
    const headers = { 'content-type': 'application/zstd', 'content-length': String(this.#lfs.length) }
    return { status: 200, headers, body: [this.#lfs] }
  }

  head({ headers: asked }: IncomingMessage): Answer {
    if (this.#cached === undefined) return plain(404, 'Snapshot not cached\n')
    const { commit, etag, bytes, object } = this.#cached
    const { range: _, ...conditions } = asked as Record<string, string>
    const { status } = answerFor(object, conditions)
    const headers = { etag, 'content-length': String(bytes), 'x-cachew-snapshot-commit': commit }
    return { status, headers: { 'content-type': 'application/zstd', ...headers } }
  }

  async snapshot(cold: 'generate' | 'not-found'): Promise<Reply> {
    const mirrorHead = await this.#head()
    if (mirrorHead === undefined) return plain(503, 'Repository unavailable\n')
    const cached = this.#cached
    if (cached !== undefined) return { object: this.#withBundle(cached, mirrorHead) }
    if (cold === 'generate') return this.#coldAnswer()
    return plain(404, 'Snapshot not found\n', { 'cache-control': 'no-store' })
  }

  async bundle(base: string): Promise<Reply> {
    if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(base)) return plain(400, 'bad base\n')
    const head = await this.#head()
    if (head === undefined) return plain(503, 'Repository unavailable\n')
    if (head === base) return { status: 204, headers: {} }
    try {
      const branch = await git(this.#upstream, 'symbolic-ref', 'HEAD')
      const bundle = await gitBytes(this.#upstream, ['bundle', 'create', '--quiet', '-', branch, `^${base}`])
      return {
        object: bytesObject(bundle, `"${base}-${head}"`, { 'content-type': 'application/x-git-bundle' }),
      }
    } catch {
      return plain(404, 'Bundle not available\n')
    }
  }

  /** The mirror is the upstream itself, so a fetch finds nothing new; it is reported all the same. */
  async ensureRefs(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'POST') return plain(405, 'method not allowed\n')
    const wanted = parseRefs(await text(request))
    if (wanted === undefined) return plain(400, 'invalid request body\n')
    const { refs, commits } = wanted
    if (Object.keys(refs).length === 0 && commits.length === 0) {
      return plain(400, 'at least one of refs or commits must be provided\n')
    }
    if ((await this.#head()) === undefined) return plain(502, 'clone not ready\n')
    const found = await Promise.all(
      Object.keys(refs).map(async (ref) => [ref, await this.#resolve(ref)] as const),
    )
    const present = await Promise.all(commits.map((commit) => this.#resolve(`${commit}^{commit}`)))
    const missing = commits.filter((_, index) => present[index] === '')
    const fetched = missing.length > 0 || found.some(([ref, sha]) => sha === '' || (refs[ref] || sha) !== sha)
    const body = JSON.stringify({ refs: Object.fromEntries(found), missing_commits: missing, fetched })
    return plain(200, body, { 'content-type': 'application/json' })
  }

  #withBundle(
    { object, commit }: { object: StoredObject; commit: string },
    mirrorHead: string,
  ): StoredObject {
    if (commit === mirrorHead) return object
    const bundle = `/git/${this.#name}/snapshot.bundle?base=${commit}`
    return { ...object, headers: { ...object.headers, 'x-cachew-bundle-url': bundle } }
  }

  /** Streams the archive while it is made; requests that come meanwhile follow the same generation. */
  async #coldAnswer(): Promise<Answer> {
    const cold = this.#cold ?? this.#startCold()
    await cold.started
    return { status: 200, headers: archiveHeaders, body: cold.follow() }
  }

  #startCold(): Cold {
    const cold = new Cold()
    this.#cold = cold
    const generation = this.#generate((piece) => cold.add(piece)).finally(() => {
      this.#cold = undefined
    })
    generation.then(
      () => cold.end(),
      (error) => cold.end(error),
    )
    this.#track(generation)
    return cold
  }

  async #generate(onPiece: (piece: Buffer) => void): Promise<Snapshot> {
    const id = randomUUID()
    const clone = join(this.#directory, `${id}.clone`)
    const file = join(this.#directory, `${id}.tar.zst`)
    try {
      await git(this.#directory, 'clone', '--quiet', this.#upstream, clone)
      await git(clone, 'remote', 'set-url', 'origin', `https://${this.#name}`)
      const commit = await git(clone, 'rev-parse', 'HEAD')
      const pieces = watched(pzstd(tarDirectory(clone), this.#options), onPiece)
      await pipeline(pieces, createWriteStream(file))
      const { size, mtime } = await stat(file)
      const etag = `"${id}"`
      const headers = {
        ...archiveHeaders,
        'last-modified': mtime.toUTCString(),
        'x-cachew-snapshot-commit': commit,
      }
      this.#cached = { commit, etag, bytes: size, file, object: fileObject(file, etag, headers) }
      return { commit, etag, bytes: size, file }
    } finally {
      await rm(clone, { recursive: true, force: true })
    }
  }

  async #head(): Promise<string | undefined> {
    return (await this.#resolve('HEAD')) || undefined
  }

  /** The object's name, or an empty string when there is none. */
  #resolve(revision: string): Promise<string> {
    return git(this.#upstream, 'rev-parse', '--verify', '--quiet', '--end-of-options', revision).catch(
      () => '',
    )
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work)
    work.catch(() => {}).finally(() => this.#running.delete(work))
    return work
  }
}

/** The pieces of a generation that is going on, for any number of readers. All are kept until its end. */
class Cold {
  readonly #pieces: Buffer[] = []
  #next = Promise.withResolvers<void>()
  #ended = false
  /** The first piece is there: the clone is made and the archive begun. */
  readonly started = this.#next.promise

  add(piece: Buffer): void {
    this.#pieces.push(piece)
    this.#next.resolve()
    this.#next = Promise.withResolvers<void>()
  }

  end(error?: unknown): void {
    this.#ended = true
    this.#next.promise.catch(() => {}) // a generation may fail without a reader
    if (error === undefined) this.#next.resolve()
    else this.#next.reject(error)
  }

  async *follow(): AsyncGenerator<Buffer> {
    for (let at = 0; ; ) {
      const piece = this.#pieces[at]
      if (piece !== undefined) {
        yield piece
        at++
        continue
      }
      await this.#next.promise
      if (this.#ended && at === this.#pieces.length) return
    }
  }
}

const archiveHeaders: Headers = {
  'content-type': 'application/zstd',
  'content-disposition': 'attachment; filename="repo.tar.zst"',
}

async function* watched(
  pieces: AsyncIterable<Buffer>,
  onPiece: (piece: Buffer) => void,
): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    onPiece(piece)
    yield piece
  }
}

type WantedRefs = { readonly refs: Readonly<Record<string, string>>; readonly commits: readonly string[] }

function parseRefs(body: string): WantedRefs | undefined {
  try {
    const { refs = {}, commits = [] } = JSON.parse(body) as Partial<WantedRefs>
    return { refs, commits }
  } catch {
    return undefined
  }
}

function plain(status: number, body: string, headers: Headers = {}): Answer {
  const bytes = Buffer.from(body)
  const length = { 'content-type': 'text/plain; charset=utf-8', 'content-length': String(bytes.length) }
  return { status, headers: { ...length, ...headers }, body: [bytes] }
}
