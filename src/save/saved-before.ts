import type { Environment } from '../environment.ts'
import { type Attempts, withRetries } from '../http/attempts.ts'
import { HttpClient } from '../http/client.ts'
import type { ReplyHead } from '../http/reply-head.ts'
import { type CacheEntry, findEntry, LOOKUP_LIMITS } from '../snapshot/actions-cache.ts'
import { type CachedSnapshot, newestLookup } from '../snapshot/cache-key.ts'
import type { CacheService } from '../snapshot/cache-service.ts'
import { EntryClient, type EntryOptions } from '../snapshot/entry-client.ts'
import { PATIENCE, Patience } from '../source/patience.ts'

export interface SavedBefore {
  readonly outcome: 'exists' | 'young'
  readonly key: string
  readonly commit: string
}

export interface SavedBeforeOptions {
  readonly service: CacheService
  /** The newest one of the branch will do while it is younger. */
  readonly minAgeMs: number
  readonly env: Environment
  readonly signal: AbortSignal
  readonly log: (line: string) => void
  readonly onSecret: (text: string) => void
}

const CONNECTIONS = 1
/** A step that is to save something asks as often as a restore that has no other way; each try has its own limit. */
const LIMITS = { retries: 5, stallMs: 30_000, timeoutMs: 0, onMiss: 'fail' } as const

/** The entry that makes a new one of this snapshot needless, if there is one. */
export async function savedBefore(
  snapshot: CachedSnapshot,
  options: SavedBeforeOptions,
): Promise<SavedBefore | undefined> {
  const { service, minAgeMs, env, onSecret } = options
  const patience = new Patience(LIMITS, options)
  const { connectTimeoutMs } = PATIENCE
  const client = new HttpClient({ env, secrets: service.secrets, connectTimeoutMs, connections: CONNECTIONS })
  const { signal, stall } = patience
  const entries = { service, client, stall, limits: LOOKUP_LIMITS, signal, onSecret }
  try {
    const attempts = patience.attemptsFor(1, signal)
    const entry = await findEntry(newestLookup(snapshot), { ...entries, attempts })
    if (entry === undefined) return undefined
    const { key, commit } = entry
    if (commit === snapshot.commit) return { outcome: 'exists', key, commit }
    const isYoung = minAgeMs > 0 && (await ageMsOf(entry, { ...entries, attempts })) < minAgeMs
    return isYoung ? { outcome: 'young', key, commit } : undefined
  } finally {
    patience.end()
    await client.close()
  }
}

/** By the clock of where it lies; NaN where that does not say. */
async function ageMsOf(
  entry: CacheEntry,
  options: EntryOptions & { readonly attempts: Attempts },
): Promise<number> {
  const { attempts, signal } = options
  const { headersTimeoutMs } = PATIENCE
  const client = new EntryClient(entry, options)
  const one = { headers: { range: 'bytes=0-0' }, headersTimeoutMs, signal }
  const reply = await withRetries(() => client.get(client.url, one), attempts)
  reply.drop()
  return timeIn(reply, 'date') - timeIn(reply, 'last-modified')
}

function timeIn(reply: ReplyHead, header: string): number {
  return Date.parse(reply.header(header) ?? '')
}
