import type { Dirent } from 'node:fs'
import { readdir, rmdir, stat } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { claimsIn } from './claim.ts'
import { removeEntry } from './entry.ts'
import { readFacts } from './facts.ts'
import { isVersion, MARKER, markerOf } from './layout.ts'

/** More than a process needs from an entry to its marker, or from a marker to the removal of what it marked. */
const UNMARKED_MS = 3_600_000

interface Entry {
  readonly path: string
  readonly bytes: number
  readonly usedAt: number
  readonly isInUse: boolean
}

export interface Eviction {
  /** The directory of all names. */
  readonly tools: string
  readonly maxBytes: number
  readonly now: number
  /** What is to come beside what is there. */
  readonly incomingBytes: number
  /** An entry that stays. */
  readonly keep: string | undefined
}

/**
 * Removes what is left of processes that are gone, and as many entries, the least recently used first, as it takes to
 * come under the limit. None that a live process reads goes. Returns how many bytes there are then, with those to come.
 */
export async function evict(eviction: Eviction): Promise<number> {
  const { tools, maxBytes, now, incomingBytes, keep } = eviction
  const entries: Entry[] = []
  let bytes = incomingBytes
  for (const name of await directoriesIn(tools)) {
    const found = await lookInto(join(tools, name), now)
    entries.push(...found.entries)
    bytes += found.otherBytes
  }
  for (const entry of entries) bytes += entry.bytes
  for (const entry of entries.sort((one, other) => one.usedAt - other.usedAt)) {
    if (bytes <= maxBytes) break
    if (!entry.isInUse && entry.path !== keep && (await tryRemove(entry.path))) bytes -= entry.bytes
  }
  return bytes
}

/** Removes the entries beside this one, of its name and architecture, that are older: nobody looks for them any more. */
export async function removeOlder(entry: string, openedAt: number, now: number): Promise<void> {
  const directory = dirname(dirname(entry))
  const { entries } = await lookInto(directory, now)
  for (const { path, isInUse } of entries) {
    if (path === entry || basename(path) !== basename(entry) || isInUse) continue
    const facts = await readFacts(path).catch(() => undefined)
    if (facts !== undefined && facts.openedAt < openedAt) await tryRemove(path)
  }
}

interface Found {
  readonly entries: readonly Entry[]
  readonly otherBytes: number
}

/** What lies in the directory of one name, when what nobody needs has been removed. */
async function lookInto(directory: string, now: number): Promise<Found> {
  const entries: Entry[] = []
  const { roots, inUse } = await claimsIn(directory)
  let otherBytes = 0
  for (const root of roots) otherBytes += await bytesIn(root)
  for (const path of await placesIn(directory)) {
    const usedAt = await lastUse(path)
    const bytes = await bytesIn(path)
    const isInUse = inUse.has(relative(directory, path))
    if (usedAt !== undefined) entries.push({ path, bytes, usedAt, isInUse })
    else if (!(await isLeft(path, now)) || !(await tryRemove(path))) otherBytes += bytes
  }
  return { entries, otherBytes }
}

/** Where entries are, or parts of them: `version/arch` or its marker. */
async function placesIn(directory: string): Promise<readonly string[]> {
  const places = new Set<string>()
  for (const version of (await directoriesIn(directory)).filter(isVersion)) {
    for (const { name } of await children(join(directory, version))) {
      places.add(join(directory, version, name.endsWith(MARKER) ? name.slice(0, -MARKER.length) : name))
    }
    await rmdir(join(directory, version)).catch(() => {})
  }
  return [...places]
}

/** Undefined where the entry or its marker is missing. */
async function lastUse(path: string): Promise<number | undefined> {
  const [directory, marker] = await Promise.all([timeOf(path), timeOf(markerOf(path))])
  return directory === undefined ? undefined : marker
}

/** Whether what lies there has lost its other part for good, and is not about to get it. */
async function isLeft(path: string, now: number): Promise<boolean> {
  const times = await Promise.all([timeOf(path), timeOf(markerOf(path))])
  return times.every((time) => time === undefined || now - time > UNMARKED_MS)
}

async function timeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.mtimeMs
}

async function tryRemove(path: string): Promise<boolean> {
  return removeEntry(path).then(
    () => true,
    () => false,
  )
}

async function directoriesIn(directory: string): Promise<readonly string[]> {
  return (await children(directory)).filter((child) => child.isDirectory()).map(({ name }) => name)
}

async function children(directory: string): Promise<readonly Dirent[]> {
  return readdir(directory, { withFileTypes: true }).catch(() => [])
}

async function bytesIn(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true }).catch(() => [])
  const sizes = names.map(async (name) => (await stat(join(directory, name)).catch(() => undefined))?.size)
  return (await Promise.all(sizes)).reduce<number>((sum, size) => sum + (size ?? 0), 0)
}
