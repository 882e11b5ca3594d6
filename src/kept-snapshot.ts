import type { ByteStream } from './byte-stream.ts'
import { ActionError, describeError, type ErrorCode } from './errors.ts'
import type { Inputs } from './inputs.ts'
import type { Context } from './job.ts'
import type { Opened, Verdict } from './session.ts'
import { SPARE_BYTES, Store } from './store/store.ts'
import type { Stored } from './store/stored.ts'

/** `renew`: what this machine keeps is not used, only recorded anew. */
export type StoreUse = 'use' | 'renew'

export interface KeptOptions {
  readonly store: Store
  /** Of the snapshot at its source. */
  readonly name: string
  /** How long nobody is asked whether the source has a newer one. */
  readonly maxAgeMs: number
  /** Opens it at its source; undefined where that still has the one with this ETag. */
  readonly open: (known: string | undefined) => Promise<Opened | undefined>
  /** What follows where the source cannot be asked. */
  readonly whenAway: 'serve' | 'fail'
  readonly use: StoreUse
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

/**
 * The snapshot that this machine keeps, where its source says that it still holds or cannot say anything, else the
 * one of the source, which is kept while it streams.
 */
export async function openKept(options: KeptOptions): Promise<Opened> {
  const { store, name, maxAgeMs, open, signal, log, whenAway, use } = options
  const stored = use === 'renew' ? undefined : await store.find(name)
  if (stored === undefined) return recorded((await open(undefined)) as Opened, options)
  try {
    if (stored.checkedMsAgo < maxAgeMs) return fromStore(stored, signal)
    const newer = await open(stored.facts.etag)
    if (newer === undefined) {
      await stored.confirm()
      return fromStore(stored, signal)
    }
    await stored.close()
    return recorded(newer, options)
  } catch (error) {
    if (signal.aborted || whenAway === 'fail' || !isAway(error)) {
      await stored.close()
      throw error
    }
    log(`${describeError(error)}; going on with the snapshot that this machine has kept`)
    return fromStore(stored, signal)
  }
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
  return error instanceof ActionError && AWAY.has(error.code)
}

function fromStore(stored: Stored, signal: AbortSignal): Opened {
  const { name, etag, commit, bytes: total, openedAt: modifiedMs } = stored.facts
  const ended: Opened['ended'] = async (verdict) => {
    await (verdict === 'bad' ? stored.remove() : stored.close())
    return verdict === 'bad' ? 'dropped' : 'kept'
  }
  const place = `the snapshot that this machine has kept of ${name}`
  const stream = (): ByteStream => stored.stream(signal)
  return { source: 'store', place, etag, commit, total, modifiedMs, stream, ended }
}

function recorded(opened: Opened, { store, name }: KeptOptions): Opened {
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
