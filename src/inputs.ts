import { isAbsolute, relative, resolve, sep } from 'node:path'
import { type CheckoutInputs, parseCheckoutInputs } from './checkout-inputs.ts'
import type { Environment } from './environment.ts'
import {
  baseAddress,
  byteCount,
  decimal,
  formatBytes,
  type Given,
  inherited,
  invalid,
  refused,
  trimmed,
  webAddress,
  wholeNumber,
} from './input-values.ts'
import { checkHeaderValue, type Header, parseHeaders } from './request-headers.ts'

/** What the step is to do, parsed once. At most one of `server` and `url` is set: without both, all is fetched. */
export interface Inputs extends CheckoutInputs {
  /** Its path ends in a slash. */
  readonly server: URL | undefined
  readonly url: URL | undefined
  readonly workspace: string
  /** Absolute and, by its words, inside `workspace`; `resolveDestination` looks at the disk. */
  readonly destination: string
  readonly authorization: string | undefined
  readonly headers: readonly Header[]
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
  /** Snapshots are switched off for the whole runner: all is fetched. */
  readonly isDisabled: boolean
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
  const authorization = parseAuthorization(input('authorization'), source, env)
  const workspace = parseWorkspace(env)
  return {
    ...parseCheckoutInputs(input, env),
    ...source,
    workspace,
    destination: parsePath(input('path'), workspace),
    authorization,
    headers: parseHeaders(read('headers'), authorization),
    ...parseMemory(input('concurrency'), input('chunk-size')),
    retries: wholeNumber(input('retries'), { least: 0, most: 100 }),
    stallMs: Math.round(decimal(input('stall-timeout'), { least: 1, most: 3600, unit: 'seconds' }) * 1000),
    timeoutMs: Math.round(decimal(input('timeout'), { least: 0, most: 360, unit: 'minutes' }) * 60_000),
    onMiss: parseOnMiss(input('on-miss')),
    sha256: parseDigest(input('sha256')),
    maxUnpackedBytes: byteCount(input('max-unpacked-bytes'), UNPACKED),
    maxEntries: wholeNumber(input('max-entries'), ENTRIES),
    isDisabled: parseDisabled(env),
  }
}

type Source = Pick<Inputs, 'server' | 'url'>

function parseSource(input: (name: string) => Given, env: Environment): Source {
  const server = input('server')
  const url = input('url')
  if (server.value !== '' && url.value !== '') {
    throw invalid('Inputs server and url are both set: one of the two is allowed')
  }
  if (url.value !== '') return { server: undefined, url: webAddress(url) }
  const address = inherited(server, env, 'CACHEW_URL')
  return { server: address.value === '' ? undefined : baseAddress(address), url: undefined }
}

/** What the runner has for its server is not for the address of another one. */
function parseAuthorization(given: Given, source: Source, env: Environment): string | undefined {
  const { label, value } = source.server === undefined ? given : inherited(given, env, 'CACHEW_AUTHORIZATION')
  if (value === '') return undefined
  checkHeaderValue(value, label)
  return value
}

function parseWorkspace(env: Environment): string {
  const workspace = env.GITHUB_WORKSPACE ?? ''
  if (isAbsolute(workspace) && !workspace.includes('\0')) return resolve(workspace)
  throw refused(
    { label: 'Environment variable GITHUB_WORKSPACE', value: workspace },
    'an absolute path is allowed, the runner sets it',
  )
}

function parsePath(given: Given, workspace: string): string {
  const destination = resolve(workspace, given.value)
  if (!given.value.includes('\0') && isInside(workspace, destination)) return destination
  throw refused(given, `a path inside the workspace ${workspace} is allowed`)
}

/** Whether a path is the directory or below it, by its words alone. */
export function isInside(directory: string, path: string): boolean {
  const way = relative(directory, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/** The download holds at most 2 x concurrency x chunk-size bytes; the product has a limit of its own. */
function parseMemory(
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

function parseDigest(given: Given): string | undefined {
  if (given.value === '') return undefined
  if (/^[0-9a-f]{64}$/i.test(given.value)) return given.value.toLowerCase()
  throw refused(given, 'a SHA-256 digest of 64 hexadecimal digits is allowed')
}

function parseDisabled(env: Environment): boolean {
  const label = 'Environment variable GIT_SNAPSHOT_DISABLE'
  const value = trimmed(env.GIT_SNAPSHOT_DISABLE ?? '')
  if (value === '1') return true
  if (value === '' || value === '0') return false
  throw refused({ label, value }, '1 to fetch without a snapshot, or nothing, is allowed')
}
