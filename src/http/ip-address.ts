import { isIP } from 'node:net'

/** How a block list calls the kind of an address. */
export function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}

/** A URL's host as it is written elsewhere: only there an IPv6 address stands in brackets. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}
