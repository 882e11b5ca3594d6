import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FACTS } from './layout.ts'

/** What is known of a stored snapshot. */
export interface Facts {
  readonly name: string
  /** The pin at its source, where that gives one; without it nobody can ask whether it still holds. */
  readonly etag: string | undefined
  /** The commit that it holds, where its source told. */
  readonly commit: string | undefined
  readonly bytes: number
  readonly sha256: string
  /** When it was opened at its source, in milliseconds since 1970. */
  readonly openedAt: number
}

export function textOf(facts: Facts): string {
  return `${JSON.stringify(facts, undefined, 2)}\n`
}

/** Undefined where the entry is not what was written here; any other failure to read it is thrown. */
export async function readFacts(entry: string): Promise<Facts | undefined> {
  return parseFacts(await readFile(join(entry, FACTS), 'utf8'))
}

/** When the source was last known to have this snapshot: the time of the file, since nothing else of it changes. */
export async function checkedAt(entry: string): Promise<number> {
  return (await stat(join(entry, FACTS))).mtimeMs
}

/** What goes into a request again is held to what a reply may have. */
function parseFacts(text: string): Facts | undefined {
  const { name, etag, commit, bytes, sha256, openedAt } = recordIn(text)
  const isRight =
    typeof name === 'string' &&
    (etag === undefined || matches(etag, /^[\x20-\x7e\x80-\xff]{1,1024}$/)) &&
    (commit === undefined || matches(commit, /^([0-9a-f]{40}|[0-9a-f]{64})$/)) &&
    isCount(bytes) &&
    matches(sha256, /^[0-9a-f]{64}$/) &&
    isCount(openedAt)
  return isRight ? { name, etag, commit, bytes, sha256, openedAt } : undefined
}

function recordIn(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}

function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}
