import { BlockList, isIP } from 'node:net'
import type { Environment } from '../environment.ts'
import { ActionError } from '../errors.ts'
import { sanitize, withoutSecrets } from '../sanitize.ts'
import { familyOf, withoutBrackets } from './ip-address.ts'

/**
 * The proxy for a target as the runner, git and curl would choose it: lower-case variables first, https never
 * through the http proxy, never for loopback or what `no_proxy` names. `undefined` means a direct connection.
 */
export function proxyFor(target: URL, env: Environment): URL | undefined {
  const names = target.protocol === 'https:' ? ['https_proxy', 'HTTPS_PROXY'] : ['http_proxy', 'HTTP_PROXY']
  const chosen = firstSet(names, env)
  if (chosen === undefined || isLoopback(target)) return undefined
  const exceptions = firstSet(['no_proxy', 'NO_PROXY'], env)
  if (exceptions !== undefined && isExcepted(target, exceptions.value)) return undefined
  return parseProxy(chosen.name, chosen.value)
}

function firstSet(names: readonly string[], env: Environment): { name: string; value: string } | undefined {
  for (const name of names) {
    const value = env[name]?.trim()
    if (value) return { name, value }
  }
  return undefined
}

function parseProxy(name: string, value: string): URL {
  // Without this, `proxy.example:3128` would parse as a URL whose scheme is `proxy.example:`.
  const address = value.includes('://') ? value : `http://${value}`
  if (!/^https?:/i.test(address) || !URL.canParse(address)) {
    throw new ActionError(
      'INVALID_INPUT',
      `Environment variable ${name} is "${sanitize(withoutSecrets(value))}": ` +
        'the address of an http or https proxy is allowed, such as http://proxy.example:3128',
    )
  }
  return new URL(address)
}

/** Whether an address says by itself that it leads nowhere but to this machine. */
export function isLoopback(target: URL): boolean {
  const host = bareHost(target.hostname)
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** Items are separated by commas or blanks: a host (with its subdomains), an address or CIDR block, or `*`. */
function isExcepted(target: URL, list: string): boolean {
  const host = bareHost(target.hostname)
  const port = target.port || (target.protocol === 'https:' ? '443' : '80')
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((item) => item !== '' && (item === '*' || matches(item, host, port)))
}

function matches(item: string, host: string, port: string): boolean {
  const { name, port: onlyPort } = splitPort(item)
  if (onlyPort !== undefined && onlyPort !== port) return false
  if (isIP(host) !== 0) return matchesAddress(name, host)
  const domain = bareHost(name).replace(/^\./, '')
  return domain !== '' && (host === domain || host.endsWith(`.${domain}`))
}

/** `host:port`, `[address]:port`; a bare IPv6 address has colons and no port. */
function splitPort(item: string): { name: string; port: string | undefined } {
  const parts = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(item)
  return parts?.[1] === undefined ? { name: item, port: undefined } : { name: parts[1], port: parts[2] }
}

function matchesAddress(item: string, host: string): boolean {
  const [address = '', bits] = item.replace(/[[\]]/g, '').split('/')
  const family = isIP(address)
  const width = family === 6 ? 128 : 32
  if (family === 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits)) || Number(bits) > width) return false
  const block = new BlockList()
  // Like curl, a block of 0 bits is the one address, not the whole internet.
  block.addSubnet(address, Number(bits) || width, familyOf(address))
  return block.check(host, familyOf(host))
}

/** Without the brackets of an IPv6 address and the dot that ends a fully qualified name. */
function bareHost(hostname: string): string {
  return withoutBrackets(hostname.toLowerCase()).replace(/\.$/, '')
}
