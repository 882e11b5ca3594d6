import type { ByteStream } from './byte-stream.ts'
import { branchesNear } from './cached-branches.ts'
import { type DownloadOptions, download } from './download/download.ts'
import { ActionError } from './errors.ts'
import type { Target } from './git/wanted.ts'
import { type Attempts, withRetries } from './http/attempts.ts'
import type { HttpClient } from './http/client.ts'
import type { Inputs } from './inputs.ts'
import type { Context } from './job.ts'
import type { Opened } from './session.ts'
import { CACHED_FILE, entryVersion, LOOKUP_LIMITS, lookUp } from './snapshot/actions-cache.ts'
import { lookupOf } from './snapshot/cache-key.ts'
import { EntryClient } from './snapshot/entry-client.ts'
import type { QuestionLimits } from './snapshot/json-question.ts'
import type { CacheLocation } from './snapshot/locate.ts'
import { type OpenOptions, openSnapshot } from './snapshot/open.ts'
import { innerStream } from './unpack/inner-stream.ts'

/** As large as a frame's usual compressed 8 MiB twice, so that two frames can be decoded beside each other. */
const INNER_BYTES = 32 * 1024 * 1024

export interface CachedOptions extends Pick<CacheLocation, 'service'> {
  readonly client: HttpClient
  /** How it is opened, and how the rest is asked for. */
  readonly requests: OpenOptions
  readonly download: DownloadOptions
  readonly inputs: Inputs
  readonly context: Context
}

/** The snapshot that the Actions cache has nearest to a target. NOT_FOUND where it has none. */
export async function cachedSnapshot(target: Target, options: CachedOptions): Promise<Opened> {
  const { service, client, requests, inputs, context } = options
  const { repository, githubServerUrl, fetchDepth } = inputs
  const name = `${repository.owner}/${repository.name}`
  const branches = branchesNear(target, context.event, name)
  const { commit } = target
  const wanted = lookupOf({ ...repository, host: githubServerUrl.host, branches, commit, fetchDepth })
  if (wanted === undefined) throw notFound(name, branches)
  const { stall } = options.download
  const { signal } = requests
  const asking = { service, client, stall, limits: LOOKUP_LIMITS, signal, onSecret: context.onSecret }
  const entries = { ...asking, version: entryVersion() }
  const attempts = requests.attemptsFor(1, signal)
  const entry = await withRetries(
    () => lookUp(wanted, { ...entries, limits: limitsWithin(attempts) }),
    attempts,
  )
  if (entry === undefined) throw notFound(name, branches)
  const entryClient = new EntryClient(entry, entries)
  const snapshot = await openSnapshot(entryClient.url, {
    ...requests,
    client: entryClient,
    // Unlike a cold server, a blob store has nothing to make first.
    discoveryTimeoutMs: options.download.headersTimeoutMs,
  })
  const { etag, total } = snapshot
  const place = `the entry ${entry.key} of the Actions cache`
  const stream = (): ByteStream =>
    innerStream(download(snapshot, { ...options.download, client: entryClient }), {
      path: CACHED_FILE,
      capacityBytes: INNER_BYTES,
      maxBytes: inputs.maxUnpackedBytes,
    })
  return { source: 'actions-cache', place, commit: entry.commit, etag, total, stream }
}

/** Where there is another way to the commit, no try outlasts the time that all of them have. */
function limitsWithin({ remainingMs }: Attempts): QuestionLimits {
  const leftMs = Math.max(1, Math.ceil(remainingMs()))
  return { ...LOOKUP_LIMITS, timeoutMs: Math.min(LOOKUP_LIMITS.timeoutMs, leftMs) }
}

function notFound(name: string, branches: readonly string[]): ActionError {
  const of = branches.length === 0 ? name : `${name} for ${branches.join(' or ')}`
  const message = `the Actions cache has no snapshot of ${of}`
  return new ActionError(
    'NOT_FOUND',
    `${message}: a job on the default branch has to save one (git-snapshot/save)`,
  )
}
