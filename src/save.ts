import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from './environment.ts'
import { ActionError } from './errors.ts'
import { makeCleanClone } from './git/clean-clone.ts'
import type { Origin } from './git/origin.ts'
import { gitRetries } from './git-retries.ts'
import type { OriginContext } from './origin-target.ts'
import { type Packed, packInto } from './pack/pack.ts'
import { requirePrograms } from './programs.ts'
import { aimOf } from './save/aim.ts'
import type { SaveInputs } from './save/inputs.ts'
import type { SaveReport } from './save/report.ts'
import { type SavedBefore, savedBefore } from './save/saved-before.ts'
import { CACHED_FILE } from './snapshot/actions-cache.ts'
import type { CachedSnapshot } from './snapshot/cache-key.ts'
import { type CacheService, cacheServiceOf } from './snapshot/cache-service.ts'
import { Timing } from './timing.ts'
import { untilAborted } from './until-aborted.ts'

/** What a save step may use of the world around it. */
export interface SaveContext extends OriginContext {
  readonly onSecret: (text: string) => void
  /**
   * Saves the file CACHED_FILE of a directory under a key; false where the cache did not take it. The directory is
   * gone soon after an abort, whatever this still does.
   */
  readonly saveCache: (directory: string, key: string) => Promise<boolean>
}

type Times = Timing<'clone' | 'pack' | 'upload'>

/** Makes a snapshot of a branch at the job's commit, and saves it unless the one that is there will do. */
export async function save(inputs: SaveInputs, context: SaveContext): Promise<SaveReport> {
  const began = performance.now()
  const service = requireService(context.env)
  await requirePrograms(['tar', 'zstd'], context.env)
  const { origin, snapshot, key } = await aimOf(inputs, context)
  const timing: Times = new Timing()
  const { minAgeMs, repository } = inputs
  const find = () => savedBefore(snapshot, { ...context, service, minAgeMs })
  const saved = (await find()) ?? (await make(snapshot, { key, inputs, context, origin, timing, find }))
  return {
    ...{ files: 0, bytes: 0, unpackedBytes: 0, commit: snapshot.commit },
    ...saved,
    repository: `${repository.owner}/${repository.name}`,
    branch: snapshot.branch,
    cloneMs: timing.milliseconds('clone'),
    packMs: timing.milliseconds('pack'),
    uploadMs: timing.milliseconds('upload'),
    totalMs: performance.now() - began,
  }
}

function requireService(env: Environment): CacheService {
  const service = cacheServiceOf(env, 'write')
  // What is there already has to be asked for first.
  const asked = service.kind === 'offered' ? cacheServiceOf(env, 'read') : service
  if (asked.kind === 'offered') return asked
  throw new ActionError('CACHE_REFUSED', `nothing can be saved in the Actions cache: ${asked.reason}`)
}

interface Making {
  readonly key: string
  readonly inputs: SaveInputs
  readonly context: SaveContext
  readonly origin: Origin
  readonly timing: Times
  /** Asks the cache once more. */
  readonly find: () => Promise<SavedBefore | undefined>
}

type Made = Packed & { readonly outcome: 'saved'; readonly key: string }

async function make(snapshot: CachedSnapshot, making: Making): Promise<Made | SavedBefore> {
  const { key, context, timing, find } = making
  const place = join(context.temp, `git-snapshot-save-${randomUUID()}`)
  try {
    const packed = await pack(snapshot, place, making)
    const upload = () => {
      context.signal.throwIfAborted()
      // Who saves to the cache cannot be told to stop.
      return untilAborted(context.saveCache(join(place, 'packed'), key), context.signal)
    }
    if (await timing.measure('upload', upload)) return { ...packed, outcome: 'saved', key }
  } finally {
    await rm(place, { recursive: true, force: true, maxRetries: 3 })
  }
  // A key is taken once: another job may have been faster.
  const other = await find()
  if (other?.outcome === 'exists') return other
  throw new ActionError(
    'CACHE_REFUSED',
    `the Actions cache did not take the entry ${key}: what it said is in the lines before this one; where the key is ` +
      'said to be taken, a save of this commit was cut off, and it will be free again later',
  )
}

/** The one file of a new directory. */
async function pack(snapshot: CachedSnapshot, place: string, making: Making): Promise<Packed> {
  const { inputs, context, origin, timing } = making
  const { commit, branch } = snapshot
  const { level, depth } = inputs
  const [clone, packed] = [join(place, 'clone'), join(place, 'packed')]
  for (const directory of [place, clone, packed]) await mkdir(directory, { mode: 0o700 })
  const retries = gitRetries(context)
  const workspace = cloneAt(inputs.destination)
  const how = { ...context, workspace, origin, commit, branch, depth, retries, onProgress: undefined }
  await timing.measure('clone', () => makeCleanClone({ ...how, into: clone }))
  const { signal } = context
  const mtime = Math.floor(Date.now() / 1000)
  // All of it, what a restore makes anew included: any tar makes a whole clone of it.
  const options = { directory: clone, level, signal, mtime, keeps: () => true }
  return timing.measure('pack', () => packInto(join(packed, CACHED_FILE), options))
}

/** A job that only saves has none. */
function cloneAt(directory: string): string | undefined {
  return existsSync(join(directory, '.git', 'objects')) ? directory : undefined
}
