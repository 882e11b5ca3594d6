import type { ByteStream } from '../byte-stream.ts'
import { ActionError, describeError, type ErrorCode } from '../errors.ts'
import type { Inputs } from '../inputs.ts'
import type { Context } from '../job.ts'
import { SPARE_BYTES, Store } from '../store/store.ts'
import type { Stored } from '../store/stored.ts'
import type { Lap } from './first-good.ts'
import { NoMirror } from './mirrors.ts'
import type { Opened, Verdict } from './session.ts'

/** `renew`: what this machine keeps is not used, only recorded anew. */
export type StoreUse = 'use' | 'renew'

/** Where the snapshot may be opened, and what it is called there. */
export interface KeptPlace {
  /** Of the snapshot at this place. */
  readonly name: string
  readonly host: string
  /** How long nobody is asked whether there is a newer one. */
  readonly maxAgeMs: number
  /** What follows where no place can be asked. */
  readonly whenAway: 'serve' | 'fail'
  /** Undefined where the place still has the one with the known ETag. */
  readonly open: (lap: Lap, known: string | undefined) => Promise<Opened | undefined>
}

export interface KeptOptions {
  readonly store: Store
  /** Any of them will do, the first is to be asked first. */
  readonly places: readonly KeptPlace[]
  /** The first good answer of all places. */
  readonly first: <T>(ask: (place: KeptPlace, lap: Lap) => Promise<T>) => Promise<T>
  readonly use: StoreUse
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

/**
 * The snapshot that this machine keeps, where the place that it was kept of says that it still holds, or no place can
 * say anything; else the one of the first place to answer, which is kept while it streams.
 */
export async function openKept(options: KeptOptions): Promise<Opened> {
  const { store, places, first, signal, log, use } = options
  const kept = use === 'renew' ? new Map<KeptPlace, Stored>() : await findAll(places, store)
  let taken: Stored | undefined
  const take = (place: KeptPlace, stored: Stored): Opened => {
    taken = stored
    return fromStore(stored, place, signal)
  }
  try {
    for (const [place, stored] of kept) {
      if (stored.checkedMsAgo < place.maxAgeMs) return take(place, stored)
    }
    const { place, newer } = await first(async (place, lap) => {
      return { place, newer: await place.open(lap, kept.get(place)?.facts.etag) }
    })
    if (newer !== undefined) return recorded(newer, place, store)
    const stored = kept.get(place) as Stored
    await stored.confirm()
    return take(place, stored)
  } catch (error) {
    const [still] = [...kept].filter(([{ whenAway }]) => whenAway === 'serve')
    if (signal.aborted || still === undefined || !isAway(error)) throw error
    log(`${describeError(error)}; going on with the snapshot that this machine has kept`)
    return take(...still)
  } finally {
    await Promise.all([...kept.values()].filter((stored) => stored !== taken).map((stored) => stored.close()))
  }
}

/** What is kept of each place, in their order. */
async function findAll(places: readonly KeptPlace[], store: Store): Promise<ReadonlyMap<KeptPlace, Stored>> {
  const kept = new Map<KeptPlace, Stored>()
  for (const place of places) {
    const stored = await store.find(place.name)
    if (stored !== undefined) kept.set(place, stored)
  }
  return kept
}

/** Not where the source refuses: what it shows to nobody else is not for this job either. */
const AWAY: ReadonlySet<ErrorCode> = new Set([
  'CONNECTION_FAILED',
  'SERVER_ERROR',
  'RATE_LIMITED',
  'STALLED',
  'TIMEOUT',
])

function isAway(error: unknown): boolean {
  if (error instanceof NoMirror) return error.errors.every(isAway)
  return error instanceof ActionError && AWAY.has(error.code)
}

function fromStore(stored: Stored, { host }: KeptPlace, signal: AbortSignal): Opened {
  const { name, etag, commit, bytes: total, openedAt: modifiedMs } = stored.facts
  const ended: Opened['ended'] = async (verdict) => {
    await (verdict === 'bad' ? stored.remove() : stored.close())
    return verdict === 'bad' ? 'dropped' : 'kept'
  }
  const place = `the snapshot that this machine has kept of ${name}`
  const stream = (): ByteStream => stored.stream(signal)
  return { source: 'store', host, place, etag, commit, total, modifiedMs, stream, ended }
}

function recorded(opened: Opened, { name }: KeptPlace, store: Store): Opened {
  const { etag, commit, total } = opened
  const recorder = store.recorder({ name, etag, commit, bytes: total })
  const ended: Opened['ended'] = async (verdict) => {
    if (verdict === 'good') return recorder.commit()
    await recorder.discard()
    return 'dropped'
  }
  return { ...opened, stream: () => recorder.tee(opened.stream()), ended }
}

/** What another copy of the snapshot may not have. */
const BLAMED: ReadonlySet<ErrorCode> = new Set([
  'NOT_ZSTD',
  'CORRUPT_ZSTD',
  'CORRUPT_ARCHIVE',
  'TRUNCATED',
  'EMPTY_SNAPSHOT',
  'DIGEST_MISMATCH',
  'UNSAFE_ENTRY',
  'UNSAFE_GIT',
  'GIT_FAILED',
  'COMMIT_MISMATCH',
])

/** What a failed restore says of its snapshot. */
export function verdictOn(error: unknown): Verdict {
  return error instanceof ActionError && BLAMED.has(error.code) ? 'bad' : 'unsure'
}

/** The store of this machine, where it keeps snapshots. What it needs of the runner's tools is loaded only then. */
export async function storeFor(
  { store: wanted }: Pick<Inputs, 'store'>,
  { toolCache, log }: Pick<Context, 'toolCache' | 'log'>,
): Promise<{ readonly store: Store; readonly maxAgeMs: number } | undefined> {
  if (wanted === undefined) return undefined
  const { directory, maxBytes, maxAgeMs } = wanted
  const now = (): number => Date.now()
  const options = { directory, maxBytes, arch: process.arch, spareBytes: SPARE_BYTES, now, log }
  return { maxAgeMs, store: new Store({ ...options, toolCache: await toolCache(directory) }) }
}
