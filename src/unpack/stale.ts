import { lstat, readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isAbandoned, isMarker, ownerOf } from '../owner.ts'

const ROOT = /^\.git-snapshot-[0-9a-f-]{36}$/
const PROBE = /^\.git-snapshot-probe-[0-9a-f-]{36}$/
/** A probe is there for a moment. */
const PROBE_MS = 3_600_000

/** In a staging directory while the destination's entries lie in it, and nowhere else. */
export const SWAPPING = 'swapping'

/** Removes all that a staging directory holds. Its marker goes last: cut short, the rest is known for what it is. */
export async function removeStaging(root: string): Promise<void> {
  const names = await readdir(Buffer.from(root), { encoding: 'buffer' }).catch(() => [])
  const removal = { recursive: true, force: true, maxRetries: 3 }
  for (const name of names) {
    if (!isMarker(name.toString())) await rm(Buffer.concat([Buffer.from(`${root}/`), name]), removal)
  }
  await rm(root, removal)
}

/**
 * Removes what killed runs of this user have left in these directories, and what they held of the destination only
 * once that has been replaced. What cannot be removed is left to a later run.
 */
export async function removeStale(
  directories: readonly string[],
  destination: string,
  state: 'to be replaced' | 'replaced',
): Promise<void> {
  for (const directory of directories) {
    for (const name of await readdir(directory).catch(() => [])) {
      if (ROOT.test(name)) await removeRoot(join(directory, name), destination, state).catch(() => {})
      if (PROBE.test(name)) await removeProbe(join(directory, name)).catch(() => {})
    }
  }
}

async function removeRoot(root: string, destination: string, state: 'to be replaced' | 'replaced') {
  if (!(await isOwnDirectory(root)) || !(await isAbandoned(root, destination))) return
  const isSwapping = (await readdir(root)).includes(SWAPPING)
  const isReplaced = state === 'replaced' && (await ownerOf(root))?.destination === destination
  if (!isSwapping || isReplaced) await removeStaging(root)
}

async function removeProbe(probe: string): Promise<void> {
  const { mtimeMs } = await lstat(probe)
  if (Date.now() - mtimeMs > PROBE_MS) await rmdir(probe)
}

async function isOwnDirectory(path: string): Promise<boolean> {
  const stats = await lstat(path)
  return stats.isDirectory() && (process.getuid === undefined || stats.uid === process.getuid())
}
