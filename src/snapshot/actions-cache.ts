import { createHash } from 'node:crypto'
import { ActionError } from '../errors.ts'
import { type Attempts, withRetries } from '../http/attempts.ts'
import { placeOf, statusError } from '../http/failure.ts'
import type { ReplyHead } from '../http/reply-head.ts'
import { sanitize } from '../sanitize.ts'
import { type CachedSnapshot, type Lookup, parseKey } from './cache-key.ts'
import type { CacheService } from './cache-service.ts'
import { ask, type QuestionLimits, type QuestionOptions } from './json-question.ts'

/** The one path that is saved with @actions/cache, and so the name in the archive that it makes. */
export const CACHED_FILE = 'git-snapshot.tar.zst'

/** One lookup is short: who waits for it could fetch from the origin. */
export const LOOKUP_LIMITS: QuestionLimits = { timeoutMs: 10_000, answerBytes: 64 * 1024 }

/** Parts of a signed query that are shorter say nothing secret, and may well be in other log lines. */
const LEAST_SECRET_LENGTH = 16

/**
 * The version of an entry that `saveCache([CACHED_FILE], key)` makes on a machine that has zstd, for all systems. It is
 * a part of what an entry is found by.
 */
export function entryVersion(): string {
  return createHash('sha256').update(`${CACHED_FILE}|zstd-without-long|1.0`).digest('hex')
}

export interface CacheEntry extends CachedSnapshot {
  readonly key: string
  /** Signed for a time: whoever has it can read the entry. */
  readonly url: URL
}

/** How the service is asked, by a client whose secrets are the service's. */
export interface LookupOptions extends Omit<QuestionOptions, 'refusal'> {
  readonly service: CacheService
  /** Told what must not be in the log, before it could be. */
  readonly onSecret: (text: string) => void
}

/**
 * The entry that the service has for a lookup, undefined for none. What was not asked for is refused. No try outlasts
 * the time that all of them have.
 */
export function findEntry(
  lookup: Lookup,
  options: LookupOptions & { readonly attempts: Attempts },
): Promise<CacheEntry | undefined> {
  const { attempts, limits } = options
  const timeoutMs = (): number => Math.min(limits.timeoutMs, Math.max(1, Math.ceil(attempts.remainingMs())))
  return withRetries(
    () => lookUp(lookup, { ...options, limits: { ...limits, timeoutMs: timeoutMs() } }),
    attempts,
  )
}

/** As `findEntry`, in one try. */
export async function lookUp(
  { key, restoreKeys }: Lookup,
  options: LookupOptions,
): Promise<CacheEntry | undefined> {
  const { service, onSecret } = options
  const { lookupUrl } = service
  const question = { key, restore_keys: restoreKeys, version: entryVersion() }
  const answer = answerIn(await ask(lookupUrl, question, { ...options, refusal }), lookupUrl)
  if (answer === undefined) return undefined
  for (const secret of secretsIn(answer.address)) onSecret(secret)
  const snapshot = parseKey(answer.key)
  if (snapshot === undefined || ![key, ...restoreKeys].some((asked) => answer.key.startsWith(asked))) {
    throw odd(lookupUrl, `gave the entry "${sanitize(answer.key, 200)}", which was not asked for`)
  }
  return { ...snapshot, key: answer.key, url: signedUrl(answer.address, lookupUrl) }
}

/** What the service says of an entry that it has. What is wrong with the text is not told: it may hold the address. */
function answerIn(text: string, place: URL): { readonly key: string; readonly address: string } | undefined {
  const { ok, matched_key: key, signed_download_url: address } = parsed(text) ?? {}
  if (ok === false) return undefined
  if (ok === true && typeof key === 'string' && typeof address === 'string') return { key, address }
  throw odd(place, 'did not answer as the Actions cache does')
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function signedUrl(address: string, service: URL): URL {
  if (!URL.canParse(address)) throw odd(service, 'gave an entry an address that is no URL')
  const url = new URL(address)
  const isSecured = url.protocol === 'https:' || (url.protocol === 'http:' && service.protocol === 'http:')
  if (!isSecured) throw odd(service, `gave an entry an address that begins with ${url.protocol}`)
  if (url.username !== '' || url.password !== '')
    throw odd(service, 'gave an entry an address with a user name')
  url.hash = ''
  return url
}

/** The query, and the values in it, as they are written and as they are meant. */
function secretsIn(address: string): readonly string[] {
  const [, query = ''] = /\?([^#]*)/.exec(address) ?? []
  const values = query.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1))
  const secrets = new Set([query, ...values, ...new URLSearchParams(query).values()])
  return [...secrets].filter((secret) => secret.length >= LEAST_SECRET_LENGTH)
}

function refusal(reply: ReplyHead): ActionError {
  const answered = `${placeOf(reply.url)} answered ${reply.status}`
  if (reply.status === 401 || reply.status === 403) {
    return new ActionError(
      'ACCESS_DENIED',
      `${answered}: this job's token does not let it read the Actions cache`,
    )
  }
  if (reply.status === 404) return new ActionError('NOT_FOUND', `${answered}: it is no Actions cache`)
  return statusError(reply, Date.now())
}

function odd(place: URL, what: string): ActionError {
  return new ActionError('PROTOCOL_ERROR', `${placeOf(place)} ${what}`)
}
