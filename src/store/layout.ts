import { createHash } from 'node:crypto'

/** The directory of the tool cache that all snapshots lie in. Other files than these need another name. */
export const TOOLS = 'git-snapshot'
/** In an entry: the snapshot as its source sent it. */
export const CONTENT = 'snapshot.tar.zst'
/** In an entry: what is known of the snapshot. */
export const FACTS = 'facts.json'

/** Beside a complete entry: its name and this. */
export const MARKER = '.complete'

const READABLE_CHARACTERS = 60
const VERSION = /^0\.0\.0-e[0-9a-f]{64}$/

/** The tool that the snapshots of this name are versions of: readable at first sight, and no other name's. */
export function toolOf(name: string): string {
  const readable = name.replace(/[^A-Za-z0-9.]+/g, '-').slice(-READABLE_CHARACTERS)
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16)
  return `${TOOLS}/${readable.replace(/^[-.]+/, '')}-${digest}`
}

/** By its content. Letters before the digits keep it valid: semver has no numbers that begin with 0. */
export function versionOf(sha256: string): string {
  return `0.0.0-e${sha256}`
}

export function isVersion(directory: string): boolean {
  return VERSION.test(directory)
}

export function markerOf(entry: string): string {
  return `${entry}${MARKER}`
}
