import { isAbsolute, relative, resolve, sep } from 'node:path'
import type { Environment } from './environment.ts'
import {
  byteCount,
  decimal,
  formatBytes,
  type Given,
  invalid,
  orElse,
  refused,
  trimmed,
  wholeNumber,
} from './input-values.ts'
import { type AccessInputs, parseAccess } from './inputs/access.ts'
import { type CheckoutInputs, parseCheckoutInputs } from './inputs/checkout.ts'
import { parseSource, type SourceInputs } from './inputs/source.ts'
import { parseStore, type StoreInputs } from './inputs/store.ts'

/** What the step is to do, parsed once. */
export interface Inputs extends CheckoutInputs, SourceInputs, AccessInputs {
  readonly workspace: string
  /** Absolute and, by its words, inside `workspace`; `resolveDestination` looks at the disk. */
  readonly destination: string
  readonly concurrency: number
  readonly chunkBytes: number
  readonly retries: number
  readonly stallMs: number
  /** 0 means no limit. */
  readonly timeoutMs: number
  /** What follows where there is no snapshot to restore. */
  readonly onMiss: 'fetch' | 'fail' | 'skip'
  /** What the whole snapshot must have as its digest, in lower-case hex. */
  readonly sha256: string | undefined
  /** The most that a snapshot may unpack to. */
  readonly maxUnpackedBytes: number
  readonly maxEntries: number
  /** What this machine keeps; undefined where it keeps nothing. */
  readonly store: StoreInputs | undefined
  /** When the job's summary tells of the step. `auto`: where there is something to tell. */
  readonly summary: 'auto' | 'always' | 'never'
}

type Read = (name: string) => string

const CHUNK = { least: 64 * 1024, most: 128 * 1024 ** 2 }
const MEMORY_BYTES = 4 * 1024 ** 3
const UNPACKED = { least: 1024 ** 2, most: 16 * 1024 ** 4 }
/** A Map, which knows the paths that are taken, holds at most 2^24 of them. */
const ENTRIES = { least: 1, most: 16_000_000 }

/** Reads the action's inputs (by their names in action.yml) without any I/O; throws INVALID_INPUT. */
export function parseInputs(read: Read, env: Environment): Inputs {
  const input = (name: string): Given => ({ label: `Input ${name}`, value: trimmed(read(name)) })
  const source = parseSource(input, env)
  return {
    ...parseCheckoutInputs(input, env),
    ...source,
    ...parseDestination(input('path'), env),
    ...parseAccess(read, source, env),
    ...parseMemory(input('concurrency'), input('chunk-size')),
    ...parsePatience(input),
    onMiss: parseOnMiss(input('on-miss')),
    sha256: parseDigest(input('sha256')),
    maxUnpackedBytes: byteCount(input('max-unpacked-bytes'), UNPACKED),
    maxEntries: wholeNumber(input('max-entries'), ENTRIES),
    store: parseStore(input, env),
    summary: parseSummary(orElse(input('summary'), 'auto')),
  }
}

/** How long the network may take, and how often it is asked again. */
export function parsePatience(
  input: (name: string) => Given,
): Pick<Inputs, 'retries' | 'stallMs' | 'timeoutMs'> {
  return {
    retries: wholeNumber(input('retries'), { least: 0, most: 100 }),
    stallMs: Math.round(decimal(input('stall-timeout'), { least: 1, most: 3600, unit: 'seconds' }) * 1000),
    timeoutMs: Math.round(decimal(input('timeout'), { least: 0, most: 360, unit: 'minutes' }) * 60_000),
  }
}

function parseWorkspace(env: Environment): string {
  const workspace = env.GITHUB_WORKSPACE ?? ''
  if (isAbsolute(workspace) && !workspace.includes('\0')) return resolve(workspace)
  throw refused(
    { label: 'Environment variable GITHUB_WORKSPACE', value: workspace },
    'an absolute path is allowed, the runner sets it',
  )
}

/** The workspace, and the place in it that the input `path` gives. */
export function parseDestination(given: Given, env: Environment): Pick<Inputs, 'workspace' | 'destination'> {
  const workspace = parseWorkspace(env)
  const destination = resolve(workspace, given.value)
  if (!given.value.includes('\0') && isInside(workspace, destination)) return { workspace, destination }
  throw refused(given, `a path inside the workspace ${workspace} is allowed`)
}

/** Whether a path is the directory or below it, by its words alone. */
export function isInside(directory: string, path: string): boolean {
  const way = relative(directory, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/** The download holds at most 2 x concurrency x chunk-size bytes; the product has a limit of its own. */
export function parseMemory(
  concurrencyGiven: Given,
  chunkGiven: Given,
): { readonly concurrency: number; readonly chunkBytes: number } {
  const concurrency = wholeNumber(concurrencyGiven, { least: 1, most: 64 })
  const chunkBytes = byteCount(chunkGiven, CHUNK)
  const needed = 2 * concurrency * chunkBytes
  if (needed <= MEMORY_BYTES) return { concurrency, chunkBytes }
  throw invalid(
    `Inputs concurrency (${concurrency}) and chunk-size (${formatBytes(chunkBytes)}) need ${formatBytes(needed)} ` +
      `of memory (2 x concurrency x chunk-size): at most ${formatBytes(MEMORY_BYTES)} is allowed`,
  )
}

function parseOnMiss(given: Given): Inputs['onMiss'] {
  const { value } = given
  if (value === 'fetch' || value === 'fail' || value === 'skip') return value
  throw refused(given, 'fetch, fail or skip is allowed')
}

function parseSummary(given: Given): Inputs['summary'] {
  const { value } = given
  if (value === 'auto' || value === 'always' || value === 'never') return value
  throw refused(given, 'auto, always or never is allowed')
}

function parseDigest(given: Given): string | undefined {
  if (given.value === '') return undefined
  if (/^[0-9a-f]{64}$/i.test(given.value)) return given.value.toLowerCase()
  throw refused(given, 'a SHA-256 digest of 64 hexadecimal digits is allowed')
}
