import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gitHttpAnswer } from './git-http.ts'
import { type FaultScript, type Reply, type ScriptedServer, startScriptedServer } from './scripted-server.ts'
import { type RepositoryOptions, type Snapshot, SnapshotRepository } from './snapshot-repository.ts'
import { textAnswer } from './stored-object.ts'

export type SnapshotServerOptions = RepositoryOptions & {
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

const DEFAULT_HOST = 'github.com'

/** A server that keeps Cachew's contract, with nothing but git and Node. */
export async function startSnapshotServer(options: SnapshotServerOptions): Promise<SnapshotServer> {
  const directory = await mkdtemp(join(tmpdir(), 'snapshot-server-'))
  const repositories = new Map<string, SnapshotRepository>()
  const repositoryAt = (name: string): SnapshotRepository => {
    const known = repositories.get(name)
    if (known !== undefined) return known
    const repository = new SnapshotRepository(name, directory, options)
    repositories.set(name, repository)
    return repository
  }
  const server = await startScriptedServer((request, gone) => {
    const route = routeOf(request)
    if (route === undefined) return textAnswer(404, 'not found\n')
    if (route.kind === 'liveness') return textAnswer(200, 'OK\n')
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

async function answerRoute(
  route: RepositoryRoute,
  repository: SnapshotRepository,
  visit: Visit,
): Promise<Reply> {
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
