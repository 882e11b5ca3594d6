import type { Environment } from '../environment.ts'
import { type CacheService, cacheServiceOf } from './cache-service.ts'

/** A Cachew server, and what else it answers for a repository beside the snapshot. */
export interface CachewLocation {
  readonly kind: 'cachew'
  /** The server itself, as it was named. */
  readonly server: URL
  readonly url: URL
  /** Speaks git's smart HTTP. */
  readonly git: URL
  /** Takes a POST of what its mirror is to have. */
  readonly ensureRefs: URL
  readonly lfs: URL
  /**
   * What brings a commit to the server's newest one. It is made here even where the server names it
   * (X-Cachew-Bundle-Url): a name from outside could lead elsewhere, and knows of no path before the server's.
   */
  bundle(base: string): URL
  /** The same for another repository of its host. */
  beside(repository: Repository): CachewLocation
}

interface Repository {
  readonly owner: string
  readonly name: string
}

export interface UrlLocation {
  readonly kind: 'url'
  readonly url: URL
}

/** The Actions cache, which has to be asked what it has. */
export interface CacheLocation {
  readonly kind: 'actions-cache'
  readonly service: CacheService
}

export type Location = CachewLocation | UrlLocation | CacheLocation

/** What a snapshot came from: a location, or what this machine has kept of one. */
export type SnapshotSource = Location['kind'] | 'store'

/** The snapshot of one repository: any of the places will do, the first is to be asked first. */
export interface Somewhere {
  readonly kind: 'somewhere'
  readonly places: readonly [Location, ...Location[]]
}

export interface NoLocation {
  readonly kind: 'nowhere'
  /** In words. */
  readonly reason: string
}

export interface RepositoryName {
  readonly repository: Repository
  readonly githubServerUrl: URL
}

interface LocationWish extends RepositoryName {
  readonly source: Location['kind'] | 'none'
  readonly isCacheNamed?: boolean
  /** Their paths end in a slash. */
  readonly servers: readonly URL[]
  readonly url: URL | undefined
}

/** Where the snapshot of a repository lies: nowhere, if no address is given and this job has no Actions cache. */
export function locate(wanted: LocationWish, env: Environment): Somewhere | NoLocation {
  const { source, url } = wanted
  const [server, ...mirrors] = wanted.servers
  if (source === 'none')
    return { kind: 'nowhere', reason: 'snapshots are switched off (source: none, or GIT_SNAPSHOT_DISABLE)' }
  if (source === 'url' && url !== undefined) return { kind: 'somewhere', places: [{ kind: 'url', url }] }
  if (source === 'actions-cache' || server === undefined) return inCache(wanted, env)
  const at = (server: URL): CachewLocation => locationAt(server, wanted)
  return { kind: 'somewhere', places: [at(server), ...mirrors.map(at)] }
}

/** What a server has of a repository. */
export function locationAt(server: URL, { repository, githubServerUrl }: RepositoryName): CachewLocation {
  const git = new URL(['git', githubServerUrl.host, repository.owner, repository.name].join('/'), server)
  const beneath = (name: string): URL => new URL(`${git.href}/${name}`)
  return {
    kind: 'cachew',
    server,
    url: beneath('snapshot.tar.zst'),
    git,
    ensureRefs: beneath('ensure-refs'),
    lfs: beneath('lfs-snapshot.tar.zst'),
    bundle: (base) => {
      const bundle = beneath('snapshot.bundle')
      bundle.searchParams.set('base', base)
      return bundle
    },
    beside: (repository) => locationAt(server, { repository, githubServerUrl }),
  }
}

function inCache({ isCacheNamed }: LocationWish, env: Environment): Somewhere | NoLocation {
  const service = cacheServiceOf(env, 'read')
  if (service.kind === 'offered') return { kind: 'somewhere', places: [{ kind: 'actions-cache', service }] }
  const [why, instead] = isCacheNamed
    ? ['source is actions-cache', 'set source to auto with server or url, or to none']
    : ['none of server, CACHEW_URL and url is set', 'set server or url, or source: none']
  const what = `${why}, and this job has no Actions cache (${service.reason})`
  return { kind: 'nowhere', reason: `${what}: ${instead} to go without a snapshot` }
}
