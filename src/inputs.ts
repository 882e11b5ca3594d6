import { isAbsolute, relative, resolve, sep } from 'node:path'
import {
  baseAddress,
  byteCount,
  decimal,
  formatBytes,
  type Given,
  invalid,
  refused,
  webAddress,
  wholeNumber,
} from './input-values.ts'
import { checkHeaderValue, type Header, parseHeaders } from './request-headers.ts'

/** What the step is to do, parsed once. Exactly one of `server` and `url` is set. */
export interface Inputs {
  /** Its path ends in a slash. */
  readonly server: URL | undefined
  readonly url: URL | undefined
  readonly repository: { readonly owner: string; readonly name: string }
  readonly githubServerUrl: URL
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
  readonly onMiss: 'fail'
}

type Environment = Readonly<Record<string, string | undefined>>
type Read = (name: string) => string

const CHUNK = { least: 64 * 1024, most: 128 * 1024 ** 2 }
const MEMORY_BYTES = 4 * 1024 ** 3

/** Reads the action's inputs (by their names in action.yml) without any I/O; throws INVALID_INPUT. */
export function parseInputs(read: Read, env: Environment): Inputs {
  const input = (name: string): Given => ({ label: `Input ${name}`, value: trimmed(read(name)) })
  const source = parseSource(input, env)
  const authorization = parseAuthorization(input('authorization'), source, env)
  const workspace = parseWorkspace(env)
  return {
    ...source,
    repository: parseRepository(input('repository')),
    githubServerUrl: parseGitHubServer(input('github-server-url')),
    workspace,
    destination: parsePath(input('path'), workspace),
    authorization,
    headers: parseHeaders(read('headers'), authorization),
    ...parseMemory(input('concurrency'), input('chunk-size')),
    retries: wholeNumber(input('retries'), { least: 0, most: 100 }),
    stallMs: Math.round(decimal(input('stall-timeout'), { least: 1, most: 3600, unit: 'seconds' }) * 1000),
    timeoutMs: Math.round(decimal(input('timeout'), { least: 0, most: 360, unit: 'minutes' }) * 60_000),
    onMiss: parseOnMiss(input('on-miss')),
  }
}

/** Only ASCII blanks: an exotic space in a value is a mistake worth telling. */
function trimmed(value: string): string {
  return value.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
}

type Source = Pick<Inputs, 'server' | 'url'>

function parseSource(input: (name: string) => Given, env: Environment): Source {
  const server = input('server')
  const url = input('url')
  if (server.value !== '' && url.value !== '') {
    throw invalid('Inputs server and url are both set: one of the two is allowed')
  }
  if (url.value !== '') return { server: undefined, url: webAddress(url) }
  if (server.value !== '') return { server: baseAddress(server), url: undefined }
  const fallback = { label: 'Environment variable CACHEW_URL', value: trimmed(env.CACHEW_URL ?? '') }
  if (fallback.value !== '') return { server: baseAddress(fallback), url: undefined }
  throw invalid('No snapshot source: set the input server (or the environment variable CACHEW_URL) or url')
}

function parseAuthorization(given: Given, source: Source, env: Environment): string | undefined {
  const inherited = source.server === undefined ? '' : trimmed(env.CACHEW_AUTHORIZATION ?? '')
  const value = given.value || inherited
  if (value === '') return undefined
  checkHeaderValue(value, given.value ? given.label : 'Environment variable CACHEW_AUTHORIZATION')
  return value
}

function parseRepository(given: Given): Inputs['repository'] {
  const parts = /^([A-Za-z0-9_.-]+)\/([A-Za-z0-9_.-]+?)(?:\.git)?$/.exec(given.value)
  const [, owner = '.', name = '.'] = parts ?? []
  if ([owner, name].some((part) => part === '.' || part === '..')) {
    throw refused(given, 'owner/name is allowed')
  }
  return { owner, name }
}

function parseGitHubServer(given: Given): URL {
  const url = baseAddress(given)
  if (url.pathname === '/') return url
  throw refused(given, 'the address of a GitHub server without a path is allowed')
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

function parseOnMiss(given: Given): 'fail' {
  if (given.value === 'fail') return 'fail'
  throw refused(given, 'fail is allowed')
}
