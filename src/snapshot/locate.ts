import type { Environment } from '../environment.ts'
import { type CacheService, cacheServiceOf } from './cache-service.ts'

/** A Cachew server, and what else it answers for a repository beside the snapshot. */
export interface CachewLocation {
  readonly kind: 'cachew'
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

export interface NoLocation {
  readonly kind: 'nowhere'
  /** In words. */
  readonly reason: string
}

interface Wanted {
  readonly source: Location['kind'] | 'none'
  /** Its path ends in a slash. */
  readonly server: URL | undefined
  readonly url: URL | undefined
  readonly repository: { readonly owner: string; readonly name: string }
  readonly githubServerUrl: URL
}

/** Where the snapshot of a repository lies: nowhere, if no address is given and this job has no Actions cache. */
export function locate(wanted: Wanted, env: Environment): Location | NoLocation {
  const { source, server, url, repository, githubServerUrl } = wanted
  if (source === 'none')
    return { kind: 'nowhere', reason: 'snapshots are switched off (source: none, or GIT_SNAPSHOT_DISABLE)' }
  if (source === 'url' && url !== undefined) return { kind: 'url', url }
  if (source === 'actions-cache' || server === undefined) return cacheLocation(env)
  const git = new URL(['git', githubServerUrl.host, repository.owner, repository.name].join('/'), server)
  const beneath = (name: string): URL => new URL(`${git.href}/${name}`)
  return {
    kind: 'cachew',
    url: beneath('snapshot.tar.zst'),
    git,
    ensureRefs: beneath('ensure-refs'),
    lfs: beneath('lfs-snapshot.tar.zst'),
    bundle: (base) => {
      const bundle = beneath('snapshot.bundle')
      bundle.searchParams.set('base', base)
      return bundle
    },
  }
}

function cacheLocation(env: Environment): CacheLocation | NoLocation {
  const service = cacheServiceOf(env, 'read')
  if (service.kind === 'offered') return { kind: 'actions-cache', service }
  const reason = `no server (or CACHEW_URL) or url is to be asked, and there is no Actions cache: ${service.reason}`
  return { kind: 'nowhere', reason }
}
