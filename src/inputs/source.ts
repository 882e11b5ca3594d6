import type { Environment } from '../environment.ts'
import { baseAddress, type Given, inherited, invalid, refused, trimmed, webAddress } from '../input-values.ts'

/** Where snapshots are asked for: `url`, or `servers`, or neither. */
export interface SourceInputs {
  /** `none`: nowhere, and nobody is to be told so. */
  readonly source: 'cachew' | 'url' | 'actions-cache' | 'none'
  /** Whether the Actions cache is asked for by its name, whatever addresses there are. */
  readonly isCacheNamed?: boolean
  /** Any of them will do, the first is to be asked first. Their paths end in a slash. */
  readonly servers: readonly URL[]
  readonly url: URL | undefined
}

type Addresses = Pick<SourceInputs, 'servers' | 'url'>

/** Each of them may be asked, and have its part of one message. */
const MOST_SERVERS = 8

const NEEDED = {
  cachew: 'the input server, or CACHEW_URL in the environment, has to say where it is',
  url: 'the input url has to say where it is',
} as const

/** `auto` takes the address that is given, and the Actions cache where none is. */
export function parseSource(input: (name: string) => Given, env: Environment): SourceInputs {
  const addresses = parseAddresses(input, env)
  const given = input('source')
  const source = given.value === '' ? 'auto' : given.value
  if (isDisabled(env)) return { ...addresses, source: 'none' }
  if (source === 'auto') return { ...addresses, source: kindOf(addresses) ?? 'actions-cache' }
  if (source === 'none') return { servers: [], url: undefined, source }
  if (source === 'actions-cache') return { servers: [], url: undefined, source, isCacheNamed: true }
  if (source !== 'cachew' && source !== 'url')
    throw refused(given, 'auto, cachew, url, actions-cache or none is allowed')
  if (kindOf(addresses) !== source) throw invalid(`${given.label} is ${source}: ${NEEDED[source]}`)
  return { ...addresses, source }
}

function kindOf({ servers, url }: Addresses): 'cachew' | 'url' | undefined {
  return url !== undefined ? 'url' : servers.length > 0 ? 'cachew' : undefined
}

function parseAddresses(input: (name: string) => Given, env: Environment): Addresses {
  const server = input('server')
  const url = input('url')
  if (server.value !== '' && url.value !== '') {
    throw invalid('Inputs server and url are both set: one of the two is allowed')
  }
  if (url.value !== '') return { servers: [], url: webAddress(url) }
  return { servers: parseServers(inherited(server, env, 'CACHEW_URL')), url: undefined }
}

/** One address a line. */
function parseServers(given: Given): readonly URL[] {
  const lines = given.value
    .split('\n')
    .map((line, index) => ({ label: `${given.label}, line ${index + 1}`, value: trimmed(line) }))
    .filter(({ value }) => value !== '')
  if (lines.length > MOST_SERVERS) {
    throw invalid(`${given.label} has ${lines.length} addresses: at most ${MOST_SERVERS} are allowed`)
  }
  if (lines.length <= 1) return lines.map(({ value }) => baseAddress({ ...given, value }))
  const servers = lines.map(baseAddress)
  for (const [index, line] of lines.entries()) {
    const isFirst = servers.findIndex(({ href }) => href === servers[index]?.href) === index
    if (!isFirst) throw refused(line, 'an address that no line before it has is allowed')
  }
  return servers
}

/** Snapshots are switched off for the whole runner. */
function isDisabled(env: Environment): boolean {
  const label = 'Environment variable GIT_SNAPSHOT_DISABLE'
  const value = trimmed(env.GIT_SNAPSHOT_DISABLE ?? '')
  if (value === '1' || value === 'true') return true
  if (value === '' || value === '0' || value === 'false') return false
  throw refused({ label, value }, '1 or true to fetch without a snapshot, or nothing, is allowed')
}
