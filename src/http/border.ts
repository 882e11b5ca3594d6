import dns, { type LookupAddress, type LookupOptions } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { ActionError } from '../errors.ts'
import { familyOf, withoutBrackets } from './ip-address.ts'

/** Addresses that mean something else to every machine, and what they mean. */
const INSIDE = {
  'this machine itself': ['127.0.0.0/8', '0.0.0.0/8', '::1/128', '::/128', '64:ff9b::7f00:0/104'],
  'a service of its network or cloud': [
    '169.254.0.0/16',
    'fe80::/10',
    '64:ff9b::a9fe:0/112',
    // Metadata services outside of the link-local block: Alibaba, Azure, Oracle, AWS, Google.
    '100.100.100.200/32',
    '168.63.129.16/32',
    '192.0.0.192/32',
    'fd00:ec2::254/128',
    'fd20:ce::254/128',
  ],
} as const

export type Inside = keyof typeof INSIDE

/** What an IP address, an IPv4 one in IPv6 clothes included, means on the inside; undefined for any other. */
export function insideOf(address: string): Inside | undefined {
  const family = familyOf(address)
  return (Object.keys(INSIDE) as Inside[]).find((inside) => blockOf(inside).check(address, family))
}

function blockOf(inside: Inside): BlockList {
  const block = new BlockList()
  for (const subnet of INSIDE[inside]) {
    const [address = '', bits] = subnet.split('/')
    block.addSubnet(address, Number(bits), familyOf(address))
  }
  return block
}

/**
 * Keeps a redirect from leading inside: to what only this machine, its network or its cloud answers at, unless the
 * server that was named is there itself. A name is judged by the addresses that are then connected to.
 */
export class Border {
  readonly #home: URL

  constructor(home: string) {
    this.#home = new URL(home)
  }

  isHome(url: URL): boolean {
    return url.origin === this.#home.origin
  }

  /** Rejects where a redirect's target says by itself that it is inside. */
  async admit(target: URL): Promise<void> {
    const host = withoutBrackets(target.hostname)
    if (!this.isHome(target) && isIP(host) !== 0) await this.#judge(host, [host])
  }

  /** Finds the addresses of a name that a redirect led to. */
  readonly lookup: LookupFunction = (name, options, callback) => {
    this.#admittedAddresses(name, options).then(
      (addresses) => {
        const [first] = addresses
        if (options.all) callback(null, addresses)
        else callback(null, first?.address ?? '', first?.family)
      },
      (error: unknown) => callback(error as Error, []),
    )
  }

  async #admittedAddresses(name: string, options: LookupOptions): Promise<LookupAddress[]> {
    const addresses = await addressesOf(name, options)
    const literals = addresses.map(({ address }) => address)
    await this.#judge(name, literals)
    return addresses
  }

  async #judge(host: string, addresses: readonly string[]): Promise<void> {
    for (const address of addresses) {
      const inside = insideOf(address)
      if (inside === undefined || (await this.#isHomeInside(inside))) continue
      const where = host === address ? host : `${host} (${address})`
      throw new ActionError(
        'BAD_REDIRECT',
        `${this.#home.origin} redirects to ${where}, which is ${inside}; it is not followed: ` +
          'where that is meant, name that address in the input server or url',
      )
    }
  }

  async #isHomeInside(inside: Inside): Promise<boolean> {
    const host = withoutBrackets(this.#home.hostname)
    const addresses = isIP(host) === 0 ? await addressesOf(host, {}).catch(() => []) : [{ address: host }]
    return addresses.some(({ address }) => insideOf(address) === inside)
  }
}

function addressesOf(name: string, options: LookupOptions): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    dns.lookup(name, { ...options, all: true }, (error, addresses) => {
      if (error === null) resolve(addresses)
      else reject(error)
    })
  })
}
