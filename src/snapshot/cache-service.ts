import type { Environment } from '../environment.ts'
import type { ClientOptions } from '../http/client.ts'

/** The Actions cache as the runner offers it to this job. */
export interface CacheService {
  readonly kind: 'offered'
  /** What answers where an entry is to be had. */
  readonly lookupUrl: URL
  /** The job's runtime token, for the service's own origin. */
  readonly secrets: ClientOptions['secrets']
}

export interface NoCacheService {
  readonly kind: 'none'
  /** In words, to be read after "the Actions cache is not available: ". */
  readonly reason: string
}

const METHODS = '/twirp/github.actions.results.api.v1.CacheService/'
/** What each mode of the runner admits; any other word admits all, as it does for actions/cache. */
const ADMITTED = new Map<string, readonly string[]>([
  ['none', []],
  ['read', ['read']],
  ['write', ['read', 'write']],
  ['write-only', ['write']],
])

/** The cache service that is there for a job, or why there is none. It has to be asked for what is to be done with it. */
export function cacheServiceOf(env: Environment, access: 'read' | 'write'): CacheService | NoCacheService {
  const { ACTIONS_RESULTS_URL: address = '', ACTIONS_RUNTIME_TOKEN: token = '' } = env
  const mode = (env.ACTIONS_CACHE_MODE ?? '').trim().toLowerCase()
  if (!isGitHubsOwn(env.GITHUB_SERVER_URL || 'https://github.com')) {
    return none('GitHub Enterprise Server has no cache service that is known here')
  }
  if (!env.ACTIONS_CACHE_SERVICE_V2 || address === '' || token === '') {
    return none(
      'the runner did not set ACTIONS_CACHE_SERVICE_V2, ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN, ' +
        'which only steps with `uses:` are given',
    )
  }
  if (ADMITTED.get(mode)?.includes(access) === false) return none(`ACTIONS_CACHE_MODE is ${mode}`)
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    return none('ACTIONS_RESULTS_URL is not the address of an http or https server')
  }
  const lookupUrl = new URL(`${METHODS}GetCacheEntryDownloadURL`, address)
  const headers = { authorization: `Bearer ${token}` }
  return { kind: 'offered', lookupUrl, secrets: { origin: lookupUrl.origin, headers } }
}

/** Whether the server is github.com or GitHub's for one company; actions/cache takes `.localhost` for that, too. */
function isGitHubsOwn(serverUrl: string): boolean {
  if (!URL.canParse(serverUrl)) return false
  const { hostname } = new URL(serverUrl)
  return hostname === 'github.com' || /\.(ghe\.com|localhost)$/.test(hostname)
}

function none(reason: string): NoCacheService {
  return { kind: 'none', reason }
}
