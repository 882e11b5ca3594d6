import { randomUUID } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isAbandoned, markOwn, ownerOf } from '../owner.ts'
import { makeDirectory } from './directory.ts'

/** What a process does in the directory of a name. */
export type Purpose = 'recording' | 'reading'

const CLAIM = /^\.(recording|reading)-[0-9a-f-]{36}$/
const REMOVED = /^\.removed-[0-9a-f-]{36}$/

/**
 * Makes a directory that says which process is at work on what in the directory of a name: others leave that alone,
 * and remove what is in it when the process is gone.
 */
export async function claim(directory: string, purpose: Purpose, subject: string): Promise<string> {
  const root = join(directory, `.${purpose}-${randomUUID()}`)
  await makeDirectory(root)
  try {
    await markOwn(root, subject)
  } catch (error) {
    await removeTree(root)
    throw error
  }
  return root
}

/** Where an entry is moved before its files are removed, so that nobody finds half of one. */
export function removedPlace(directory: string): string {
  return join(directory, `.removed-${randomUUID()}`)
}

/** Claims of processes that may still run. */
export interface Claims {
  /** Their directories. */
  readonly roots: readonly string[]
  /** What they read. */
  readonly inUse: ReadonlySet<string>
}

/** Removes what processes that are gone have left in the directory of a name. */
export async function claimsIn(directory: string): Promise<Claims> {
  const [roots, inUse] = [[] as string[], new Set<string>()]
  for (const name of await readdir(directory).catch(() => [])) {
    const root = join(directory, name)
    if (REMOVED.test(name)) await removeTree(root)
    if (!CLAIM.test(name)) continue
    // Of another container or another boot it is left until no job can still be running.
    if (await isAbandoned(root, '').catch(() => false)) {
      await removeTree(root)
      continue
    }
    roots.push(root)
    const owner = await ownerOf(root)
    if (owner !== undefined && name.startsWith('.reading-')) inUse.add(owner.destination)
  }
  return { roots, inUse }
}

/** What cannot be removed is left to a later run. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 }).catch(() => {})
}
