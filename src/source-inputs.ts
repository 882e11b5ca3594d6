import type { Environment } from './environment.ts'
import { baseAddress, type Given, inherited, invalid, refused, trimmed, webAddress } from './input-values.ts'

/** Where snapshots are asked for. At most one of `server` and `url` is set. */
export interface SourceInputs {
  /** `none`: nowhere, and nobody is to be told so. */
  readonly source: 'cachew' | 'url' | 'actions-cache' | 'none'
  /** Its path ends in a slash. */
  readonly server: URL | undefined
  readonly url: URL | undefined
}

type Addresses = Pick<SourceInputs, 'server' | 'url'>

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
  if (source === 'actions-cache' || source === 'none') return { server: undefined, url: undefined, source }
  if (source !== 'cachew' && source !== 'url')
    throw refused(given, 'auto, cachew, url, actions-cache or none is allowed')
  if (kindOf(addresses) !== source) throw invalid(`${given.label} is ${source}: ${NEEDED[source]}`)
  return { ...addresses, source }
}

function kindOf({ server, url }: Addresses): 'cachew' | 'url' | undefined {
  return url !== undefined ? 'url' : server !== undefined ? 'cachew' : undefined
}

function parseAddresses(input: (name: string) => Given, env: Environment): Addresses {
  const server = input('server')
  const url = input('url')
  if (server.value !== '' && url.value !== '') {
    throw invalid('Inputs server and url are both set: one of the two is allowed')
  }
  if (url.value !== '') return { server: undefined, url: webAddress(url) }
  const address = inherited(server, env, 'CACHEW_URL')
  return { server: address.value === '' ? undefined : baseAddress(address), url: undefined }
}

/** Snapshots are switched off for the whole runner. */
function isDisabled(env: Environment): boolean {
  const label = 'Environment variable GIT_SNAPSHOT_DISABLE'
  const value = trimmed(env.GIT_SNAPSHOT_DISABLE ?? '')
  if (value === '1') return true
  if (value === '' || value === '0') return false
  throw refused({ label, value }, '1 to fetch without a snapshot, or nothing, is allowed')
}
