import { ActionError, describeError } from '../errors.ts'
import type { JobEvent, Target } from '../git/wanted.ts'
import type { HttpClient } from '../http/client.ts'
import { placeOf } from '../http/failure.ts'
import { findEntry, LOOKUP_LIMITS } from '../snapshot/actions-cache.ts'
import { EntryClient } from '../snapshot/entry-client.ts'
import type { CacheLocation, Location } from '../snapshot/locate.ts'
import type { Snapshot } from '../snapshot/open.ts'
import { lookupNear } from '../source/cached-branches.ts'
import { PATIENCE, type Patience } from '../source/patience.ts'
import { type Asking, ask, dropped, isCold, readIfCold } from './answer.ts'
import type { WarmInputs } from './inputs.ts'

/** What a source has. */
export interface Found extends Pick<Snapshot, 'commit' | 'etag' | 'total'> {
  /** `made`: because it was asked for. */
  readonly kind: 'ready' | 'made'
  /** When it was made, where the source tells. */
  readonly modifiedMs: number | undefined
}

export interface Missing {
  readonly kind: 'missing'
  /** In words. */
  readonly reason: string
}

export interface LookOptions {
  readonly client: HttpClient
  readonly patience: Patience
  readonly wait: (delayMs: number, signal: AbortSignal) => Promise<void>
  readonly inputs: Pick<WarmInputs, 'repository' | 'githubServerUrl'>
  readonly event: JobEvent
  readonly onSecret: (text: string) => void
}

/** A Cachew server has a snapshot a second or two after the last byte of what it made. */
const KEPT_AFTER_MS = [250, 1_000, 4_000]
/** What a restore takes that wants the tip alone: any snapshot. */
const ANY_DEPTH = 1

/** What a source has for a target. A server that has nothing is made to make it; one that fails is an error. */
export async function lookFor(
  target: Target,
  location: Location,
  options: LookOptions,
): Promise<Found | Missing> {
  const { client, patience, wait } = options
  const { discoveryTimeoutMs } = PATIENCE
  try {
    if (location.kind === 'actions-cache') return await inCache(target, location, options)
    const asking = { url: location.url, client, patience }
    if (location.kind === 'url') return found(await ask({ ...asking, discoveryTimeoutMs }, dropped), 'ready')
    // A server that is cold clones the repository before it says a word.
    return await atServer({ ...asking, discoveryTimeoutMs: 0 }, wait)
  } catch (error) {
    if (!(error instanceof ActionError) || error.code !== 'NOT_FOUND') throw error
    return missing(describeError(error))
  }
}

/** A server keeps only what was read to its end. */
async function atServer(asking: Asking, wait: LookOptions['wait']): Promise<Found | Missing> {
  const { url, patience } = asking
  const first = await ask(asking, readIfCold)
  if (!isCold(first)) return found(first, 'ready')
  for (const delayMs of KEPT_AFTER_MS) {
    await wait(delayMs, patience.signal)
    const again = await ask(asking, dropped)
    if (!isCold(again)) return found(again, 'made')
  }
  return missing(`${placeOf(url)} sent a snapshot and does not keep it`)
}

async function inCache(
  target: Target,
  { service }: CacheLocation,
  { client, patience, inputs, event, onSecret }: LookOptions,
): Promise<Found | Missing> {
  const { lookup, name, branches } = lookupNear(target, { ...inputs, fetchDepth: ANY_DEPTH, event })
  const { signal, stall } = patience
  const entries = { service, client, stall, limits: LOOKUP_LIMITS, signal, onSecret }
  const attempts = patience.attemptsFor(1, signal)
  const entry = lookup && (await findEntry(lookup, { ...entries, attempts }))
  if (entry === undefined) return missing(`the Actions cache has none of ${branches.join(' or ') || name}`)
  const entryClient = new EntryClient(entry, entries)
  const { discoveryTimeoutMs } = PATIENCE
  const asking = { url: entryClient.url, client: entryClient, patience, discoveryTimeoutMs }
  return { ...found(await ask(asking, dropped), 'ready'), commit: entry.commit }
}

function found({ url, commit, etag, total, modifiedMs }: Snapshot, kind: Found['kind']): Found {
  if (total !== 0) return { kind, commit, etag, total, modifiedMs }
  throw new ActionError('NOT_FOUND', `${placeOf(url)} is empty`)
}

function missing(reason: string): Missing {
  return { kind: 'missing', reason }
}
