import { describe, expect, it } from 'vitest'
import { selfSigned } from '../support/certificate.ts'
import type { Fault } from '../support/fault.ts'
import { startProxy } from '../support/forward-proxy.ts'
import { findProgram } from '../support/programs.ts'
import { trust } from './certificates.ts'
import { CONCURRENCIES, OBJECT, obtain, PARALLEL, QUERY, SECRETS, serve } from './fixture.ts'
import { nameServer } from './names.ts'
import { startRelay } from './relay.ts'

const NAME = 'snapshots.test'
const STATUSES = [301, 302, 303, 307, 308]
const isFirstPath = ({ path }: { readonly path: string }): boolean => path === '/snapshot.tar.zst'

describe.each(CONCURRENCIES)('with concurrency %i', (concurrency) => {
  it.each(STATUSES)('F038: %i within the origin keeps what was asked for and the secrets', async (status) => {
    const server = await serve({
      fault: (request) => (isFirstPath(request) ? { status, redirect: '/there?sig=s1gnature2' } : undefined),
    })
    const obtained = await obtain(server.place, { concurrency })
    expect(obtained).toMatchObject({ outcome: 'OK', delays: [] })
    expect(obtained.bytes).toEqual(OBJECT)
    const [first, second, ...others] = server.log
    expect(second?.range).toBe(first?.range)
    for (const { headers, path } of [second, ...others].filter((entry) => entry !== undefined)) {
      expect(path).toBe('/there')
      expect(headers).toMatchObject(SECRETS)
    }
  })

  it('F039: to another host goes without any secret, and with the range and the pin', async () => {
    const other = await serve()
    const host = other.place.replace('127.0.0.1', 'localhost')
    const server = await serve({ fault: () => ({ redirect: host }) })
    const obtained = await obtain(server.place, { concurrency })
    expect(obtained).toMatchObject({ outcome: 'OK', delays: [] })
    expect(obtained.bytes).toEqual(OBJECT)
    const known = ['accept-encoding', 'connection', 'host', 'if-match', 'range', 'user-agent']
    for (const { headers } of other.log) expect(known).toEqual(expect.arrayContaining(Object.keys(headers)))
    expect(other.log[0]?.range).toBe(server.log[0]?.range)
    expect(other.log.slice(1).every(({ ifMatch }) => ifMatch === '"v1"')).toBe(true)
  })

  it('F040: to another port of the same host is to another origin', async () => {
    const other = await serve()
    const server = await serve({ fault: () => ({ redirect: other.place }) })
    const obtained = await obtain(server.place, { concurrency })
    expect(obtained.bytes).toEqual(OBJECT)
    for (const { headers } of other.log) {
      for (const name of Object.keys(SECRETS)) expect(headers).not.toHaveProperty(name)
    }
  })

  it('F043: five times is followed, and six times is not', async () => {
    const server = await serve({
      fault: ({ path }) => (path === '/0' ? undefined : { redirect: `/${Number(path.slice(1)) - 1}` }),
    })
    const five = await obtain(`${server.url}/5${QUERY}`, { concurrency })
    expect(five.bytes).toEqual(OBJECT)
    const six = await obtain(`${server.url}/6${QUERY}`, { concurrency })
    expect(six).toMatchObject({ outcome: 'BAD_REDIRECT', requests: 6, delays: [] })
    expect(six.words).toContain('for more than 5 times')
  })

  it.each<[string, string, Fault, string]>([
    ['F042', 'to a file', { redirect: 'file:///etc/passwd' }, 'to file:'],
    ['F042', 'to data', { redirect: 'data:text/plain,x' }, 'to data:'],
    ['F042', 'to ftp', { redirect: 'ftp://127.0.0.1/x' }, 'to ftp:'],
    ['F043', 'to itself', { redirect: '/snapshot.tar.zst' }, 'for more than 5 times'],
    ['F044', 'to nowhere', { status: 302 }, 'without a valid Location'],
    ['F044', 'to no address', { redirect: 'http://[' }, 'without a valid Location'],
    [
      'F044',
      'to an address with a user',
      { redirect: 'http://runner:pr0xy-s3cret@127.0.0.1/' },
      'with a user name',
    ],
  ])('%s: %s is not followed', async (_, __, fault, words) => {
    const server = await serve({ fault: () => fault })
    const obtained = await obtain(server.place, { concurrency })
    expect(obtained).toMatchObject({ outcome: 'BAD_REDIRECT', delays: [] })
    expect(obtained.words).toContain(`${server.url}/snapshot.tar.zst redirects`)
    expect(obtained.words).toContain(words)
  })
})

describe.skipIf(findProgram('openssl') === undefined)('between http and https (needs openssl)', () => {
  it.each(PARALLEL)(
    'F040: to https of the same host is to another origin (concurrency %i)',
    async (concurrency) => {
      const certificate = await selfSigned(NAME)
      trust(certificate)
      nameServer({ [NAME]: ['127.0.0.1'] })
      const other = await serve()
      const { port } = await startRelay(other.url, { certificate })
      const server = await serve({ fault: () => ({ redirect: `https://${NAME}:${port}/x${QUERY}` }) })
      const obtained = await obtain(server.place.replace('127.0.0.1', NAME), { concurrency })
      expect(obtained.bytes).toEqual(OBJECT)
      for (const { headers } of other.log) {
        for (const name of Object.keys(SECRETS)) expect(headers).not.toHaveProperty(name)
      }
    },
  )

  it.each(CONCURRENCIES)('F041: from https to http is not followed (concurrency %i)', async (concurrency) => {
    const certificate = await selfSigned(NAME)
    trust(certificate)
    nameServer({ [NAME]: ['127.0.0.1'] })
    const other = await serve()
    const server = await serve({ fault: () => ({ redirect: other.place }) })
    const { port } = await startRelay(server.url, { certificate })
    const obtained = await obtain(`https://${NAME}:${port}/x${QUERY}`, { concurrency })
    expect(obtained.outcome).toBe('BAD_REDIRECT')
    expect(obtained.words).toContain('from https to http')
    expect(other.log).toEqual([])
  })
})

describe('a redirect from a public host', () => {
  const PUBLIC = 'public.test'
  const INNER = 'inner.test'

  /** A server that is known by a public name, to which a proxy leads, and redirects; and one in here. */
  async function servePublic(redirect: (port: string) => string) {
    const inner = await serve()
    const { port } = new URL(inner.url)
    const server = await serve({ fault: () => ({ redirect: redirect(port) }) })
    const proxy = await startProxy(server.url)
    const env = { http_proxy: proxy.url, no_proxy: INNER }
    return { inner, proxy, url: `http://${PUBLIC}/x${QUERY}`, env }
  }

  const inside = [
    { what: 'this machine', host: '127.0.0.1' },
    { what: 'another loopback address', host: '127.9.9.9' },
    { what: 'a loopback address in other digits', host: '0x7f.1' },
    { what: 'the address that is none', host: '0.0.0.0' },
    { what: 'loopback in IPv6', host: '[::1]' },
    { what: 'a loopback address in IPv6 clothes', host: '[::ffff:127.0.0.1]' },
    { what: 'localhost', host: 'localhost' },
    { what: 'a cloud’s metadata', host: '169.254.169.254' },
    { what: 'metadata in IPv6', host: '[fd00:ec2::254]' },
    { what: 'a link-local address', host: '[fe80::1]' },
    { what: 'a name that leads to this machine', host: INNER, addresses: ['127.0.0.1'] },
    { what: 'a name that leads to metadata', host: INNER, addresses: ['169.254.169.254'] },
    { what: 'a name that leads there too', host: INNER, addresses: ['203.0.113.9', '127.0.0.1'] },
  ].flatMap((row) => CONCURRENCIES.map((concurrency) => ({ addresses: [], ...row, concurrency })))

  it.each(inside)(
    'F045: to $what is not followed (concurrency $concurrency)',
    async ({ host, addresses, concurrency }) => {
      nameServer({ [PUBLIC]: ['203.0.113.5'], [INNER]: addresses })
      const { inner, proxy, url, env } = await servePublic((port) => `http://${host}:${port}/latest${QUERY}`)
      const obtained = await obtain(url, { concurrency, env })
      expect(obtained).toMatchObject({ outcome: 'BAD_REDIRECT', delays: [] })
      expect(obtained.words).toContain(`http://${PUBLIC} redirects to`)
      expect(obtained.words).toContain('it is not followed')
      expect(inner.log).toEqual([])
      expect(proxy.asked).toHaveLength(1)
    },
  )

  it('F045: to this machine is not followed where the public name leads nowhere but to the proxy', async () => {
    nameServer({ [PUBLIC]: 'ENOTFOUND' })
    const { inner, url, env } = await servePublic((port) => `http://127.0.0.1:${port}/x`)
    expect(await obtain(url, { concurrency: 2, env })).toMatchObject({ outcome: 'BAD_REDIRECT' })
    expect(inner.log).toEqual([])
  })

  it('F045: is followed to another public host', async () => {
    nameServer({ [PUBLIC]: ['203.0.113.5'] })
    const home = await serve({
      fault: ({ headers }) =>
        headers.host === PUBLIC ? { redirect: `http://store.test/x${QUERY}` } : undefined,
    })
    const proxy = await startProxy(home.url)
    const obtained = await obtain(`http://${PUBLIC}/x${QUERY}`, {
      concurrency: 2,
      env: { http_proxy: proxy.url },
    })
    expect(obtained.bytes).toEqual(OBJECT)
    expect(proxy.asked.at(-1)?.host).toBe('store.test')
  })
})

describe('a redirect from a server on this machine', () => {
  it.each(CONCURRENCIES)(
    'F045: is followed to another on this machine (concurrency %i)',
    async (concurrency) => {
      nameServer({ [NAME]: ['127.0.0.1'] })
      const other = await serve()
      for (const host of ['127.0.0.1', 'localhost', NAME]) {
        const server = await serve({ fault: () => ({ redirect: other.place.replace('127.0.0.1', host) }) })
        const obtained = await obtain(server.place.replace('127.0.0.1', NAME), { concurrency })
        expect(obtained).toMatchObject({ outcome: 'OK', delays: [] })
        expect(obtained.bytes).toEqual(OBJECT)
      }
    },
  )

  it.each(CONCURRENCIES)(
    'F045: is not followed to a cloud’s metadata (concurrency %i)',
    async (concurrency) => {
      const server = await serve({ fault: () => ({ redirect: 'http://169.254.169.254/latest/meta-data/' }) })
      const obtained = await obtain(server.place, { concurrency })
      expect(obtained).toMatchObject({ outcome: 'BAD_REDIRECT', requests: 1, delays: [] })
      expect(obtained.words).toContain('a service of its network or cloud')
    },
  )
})
