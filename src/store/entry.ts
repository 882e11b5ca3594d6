import { existsSync } from 'node:fs'
import { rename, rm, rmdir, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { removedPlace, removeTree } from './claim.ts'
import { isMissing, makeDirectory } from './directory.ts'
import { type Facts, readFacts, textOf } from './facts.ts'
import { CONTENT, FACTS, markerOf } from './layout.ts'

/** What is to become an entry: a directory that has the content, and is written to no more. */
export interface Draft {
  readonly directory: string
  readonly facts: Facts
  readonly now: number
}

/** Others may be removing the empty directory that an entry is to lie in. */
const ATTEMPTS = 3

/**
 * Makes a draft an entry. It comes by one rename and with all that belongs to it, so nobody sees a part of it; of two
 * writers of one content one is first, and the other only brings its newer facts.
 */
export async function publish(draft: Draft, entry: string): Promise<void> {
  const { directory, facts, now } = draft
  await writeFile(join(directory, FACTS), textOf(facts), { flag: 'wx', flush: true })
  await setTime(join(directory, FACTS), facts.openedAt)
  for (let attempt = 1; ; attempt += 1) {
    try {
      await makeDirectory(dirname(entry))
      await move(draft, entry)
      break
    } catch (error) {
      if (attempt === ATTEMPTS || !isMissing(error)) throw error
    }
  }
  await writeFile(markerOf(entry), '')
  await setTime(markerOf(entry), now)
}

async function move({ directory, facts }: Draft, entry: string): Promise<void> {
  try {
    await rename(directory, entry)
  } catch (error) {
    if (!existsSync(entry)) throw error
    if (await isWhole(entry, facts.bytes)) return renewFacts(directory, entry, facts)
    await removeEntry(entry)
    await rename(directory, entry)
  }
}

async function isWhole(entry: string, bytes: number): Promise<boolean> {
  const stats = await stat(join(entry, CONTENT)).catch(() => undefined)
  return stats?.isFile() === true && stats.size === bytes
}

async function renewFacts(directory: string, entry: string, { openedAt }: Facts): Promise<void> {
  const theirs = await readFacts(entry).catch(() => undefined)
  if (theirs === undefined || theirs.openedAt < openedAt) {
    await rename(join(directory, FACTS), join(entry, FACTS))
  }
}

/**
 * Removes an entry: it is gone at once for whoever looks for it, and whoever has opened it reads on. Rejects where
 * the system does not let go of it.
 */
export async function removeEntry(entry: string): Promise<void> {
  const aside = removedPlace(dirname(dirname(entry)))
  try {
    await rename(entry, aside)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  await rm(markerOf(entry), { force: true })
  await removeTree(aside)
  await rmdir(dirname(entry)).catch(() => {})
}

/** Says that an entry is used; in a store that cannot be written to nothing is evicted either. */
export async function touch(entry: string, now: number): Promise<void> {
  await setTime(markerOf(entry), now).catch(() => {})
}

export function setTime(path: string, milliseconds: number): Promise<void> {
  return utimes(path, milliseconds / 1000, milliseconds / 1000)
}
