import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type DownloadOptions, download } from '../download/download.ts'
import { describeError } from '../errors.ts'
import { isLfsObject, lfsObjectPath } from '../git/lfs-object.ts'
import { type OpenOptions, openSnapshot } from '../snapshot/open.ts'
import type { TreeLimits } from '../unpack/policy.ts'
import { threadsFor } from '../unpack/threads.ts'
import { TreeBuilder } from '../unpack/tree.ts'
import { unpack } from '../unpack/unpack.ts'

export interface LfsSnapshotOptions {
  readonly url: URL
  /** How it is asked for. */
  readonly requests: OpenOptions & DownloadOptions
  readonly limits: TreeLimits
  /** A directory that does not exist, on the file system of `gitDirectory`; it is made, and removed. */
  readonly scratch: string
  readonly gitDirectory: string
  /** The step's cancellation, the only thing that is an error here. */
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

/** Objects looked at together: each has a buffer of at most 1 MiB. */
const LANES = 4
const OID = /^[0-9a-f]{64}$/

/**
 * Puts the LFS objects that a server has into `.git/lfs/objects`: those that prove to be what they are called, and
 * are not there yet. Whatever goes wrong is told and left to the origin. Resolves how many objects are new.
 */
export async function takeLfsSnapshot(options: LfsSnapshotOptions): Promise<number> {
  const { scratch, signal, log } = options
  try {
    await unpackObjects(options).catch((error: unknown) => {
      signal.throwIfAborted()
      log(`The server's LFS objects are incomplete or missing: ${describeError(error)}`)
    })
    return await adoptObjects(options)
  } catch (error) {
    signal.throwIfAborted()
    log(`The server's LFS objects could not be used: ${describeError(error)}`)
    return 0
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** The archive may hold more: it all stays in the scratch directory. */
async function unpackObjects({ url, requests, limits, scratch }: LfsSnapshotOptions): Promise<void> {
  await mkdir(scratch)
  const snapshot = await openSnapshot(url, requests)
  const threads = threadsFor(2 * requests.concurrency * requests.chunkBytes)
  const tree = new TreeBuilder({
    ...threads,
    root: scratch,
    limits,
    staysInDotGit: () => false,
    mtime: Math.floor(Date.now() / 1000),
  })
  try {
    await unpack(download(snapshot, requests), tree, { ...threads, commit: undefined })
  } finally {
    await tree.close()
  }
}

async function adoptObjects(options: LfsSnapshotOptions): Promise<number> {
  const queue = (await objectsIn(options.scratch)).values()
  const counts = { new: 0, known: 0, damaged: 0 }
  const lane = async (): Promise<void> => {
    for (const object of queue) {
      options.signal.throwIfAborted()
      counts[await adopt(object, options.gitDirectory)] += 1
    }
  }
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane))
  for (const outcome of lanes) if (outcome.status === 'rejected') throw outcome.reason
  if (counts.damaged > 0) options.log(`${counts.damaged} of the server's LFS objects are damaged`)
  return counts.new
}

interface FoundObject {
  readonly file: string
  readonly oid: string
}

async function adopt({ file, oid }: FoundObject, gitDirectory: string): Promise<'new' | 'known' | 'damaged'> {
  const place = join(gitDirectory, lfsObjectPath(oid))
  if (existsSync(place)) return 'known'
  if (!(await isLfsObject(file, oid))) return 'damaged'
  await mkdir(dirname(place), { recursive: true })
  await rename(file, place)
  return 'new'
}

/** Where git-lfs looks for objects, and nothing else; a link is followed nowhere. */
async function objectsIn(scratch: string): Promise<readonly FoundObject[]> {
  if (!existsSync(scratch)) return []
  const entries = await readdir(scratch, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && OID.test(entry.name))
    .map((entry) => ({ file: join(entry.parentPath, entry.name), oid: entry.name }))
    .filter(({ file, oid }) => file === join(scratch, lfsObjectPath(oid)))
}
