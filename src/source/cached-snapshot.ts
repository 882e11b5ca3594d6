import type { ByteStream } from '../byte-stream.ts'
import { type DownloadOptions, download } from '../download/download.ts'
import { ActionError } from '../errors.ts'
import type { Target } from '../git/wanted.ts'
import type { HttpClient } from '../http/client.ts'
import type { Inputs } from '../inputs.ts'
import type { Context } from '../job.ts'
import { CACHED_FILE, findEntry, LOOKUP_LIMITS } from '../snapshot/actions-cache.ts'
import { EntryClient } from '../snapshot/entry-client.ts'
import type { CacheLocation } from '../snapshot/locate.ts'
import { type OpenOptions, openSnapshot } from '../snapshot/open.ts'
import { innerStream } from '../unpack/inner-stream.ts'
import { lookupNear } from './cached-branches.ts'
import type { Opened } from './session.ts'

/** Half of it may stay unreleased, and that holds two frames of the usual 8 MiB: they are decoded side by side. */
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
  const { event, onSecret } = context
  const { lookup, name, branches } = lookupNear(target, { ...inputs, event })
  const { signal } = requests
  const { stall } = options.download
  const entries = { service, client, stall, limits: LOOKUP_LIMITS, signal, onSecret }
  const attempts = requests.attemptsFor(1, signal)
  const entry = lookup && (await findEntry(lookup, { ...entries, attempts }))
  if (entry === undefined) throw notFound({ name, branches, fetchDepth: inputs.fetchDepth })
  const entryClient = new EntryClient(entry, entries)
  const snapshot = await openSnapshot(entryClient.url, {
    ...requests,
    client: entryClient,
    // Unlike a cold server, a blob store has nothing to make first.
    discoveryTimeoutMs: options.download.headersTimeoutMs,
  })
  const { etag, total, modifiedMs } = snapshot
  const place = `the entry ${entry.key} of the Actions cache`
  const stream = (): ByteStream =>
    innerStream(download(snapshot, { ...options.download, client: entryClient }), {
      path: CACHED_FILE,
      capacityBytes: INNER_BYTES,
      maxBytes: inputs.maxUnpackedBytes,
    })
  const { commit } = entry
  return { source: 'actions-cache', host: undefined, place, commit, etag, total, modifiedMs, stream }
}

interface Absent extends Pick<Inputs, 'fetchDepth'> {
  readonly name: string
  readonly branches: readonly string[]
}

function notFound({ name, branches, fetchDepth }: Absent): ActionError {
  const of = branches.length === 0 ? name : `${name} for ${branches.join(' or ')}`
  const [what, how] = fetchDepth === 0 ? [' with all history', ' with fetch-depth: 0'] : ['', '']
  const message = `the Actions cache has no snapshot of ${of}${what}`
  return new ActionError(
    'NOT_FOUND',
    `${message}: a job on the default branch has to save one (uses: git-snapshot/git-snapshot/save@v1${how})`,
  )
}
