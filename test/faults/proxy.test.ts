import { createServer } from 'node:http'
import { describe, expect, it } from 'vitest'
import { selfSigned } from '../support/certificate.ts'
import { freePort } from '../support/child-server.ts'
import { startProxy } from '../support/forward-proxy.ts'
import { listen } from '../support/listening.ts'
import { findProgram } from '../support/programs.ts'
import { trust } from './certificates.ts'
import { CONCURRENCIES, OBJECT, obtain, PROXY_CREDENTIALS, QUERY, SECRETS, serve } from './fixture.ts'
import { nameServer } from './names.ts'
import { startRelay } from './relay.ts'

/** A name that only a proxy knows, unless a test says otherwise. */
const NAME = 'snapshots.test'
const BASIC = `Basic ${Buffer.from(PROXY_CREDENTIALS).toString('base64')}`

function withCredentials(url: string): string {
  return url.replace('http://', `http://${PROXY_CREDENTIALS}@`)
}

/** A proxy that refuses each request so often, and then ends connections; resolves what it was asked. */
async function refusingProxy(status: number): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.writeHead(status, { 'content-length': '0' }).end()
  })
  server.on('connect', (request, socket) => {
    asked.push(request.url ?? '')
    socket.on('error', () => {}).end(`HTTP/1.1 ${status} No\r\n\r\n`)
  })
  return { url: withCredentials(`http://127.0.0.1:${await listen(server)}`), asked }
}

describe.each(CONCURRENCIES)('with concurrency %i', (concurrency) => {
  it.each(['HTTP_PROXY', 'http_proxy'])(
    'F013: %s leads an http target through the proxy',
    async (variable) => {
      const server = await serve()
      const proxy = await startProxy(server.url)
      const env = { [variable]: withCredentials(proxy.url) }
      const obtained = await obtain(`http://${NAME}:8080/x${QUERY}`, { concurrency, env })
      expect(obtained).toMatchObject({ outcome: 'OK', delays: [] })
      expect(obtained.bytes).toEqual(OBJECT)
      expect(new Set(proxy.asked.map(({ host }) => host))).toEqual(new Set([`${NAME}:8080`]))
      for (const { headers } of server.log) {
        expect(headers).toMatchObject(SECRETS)
        expect(headers).not.toHaveProperty('proxy-authorization')
      }
    },
  )

  it.skipIf(findProgram('openssl') === undefined)(
    'F014: HTTPS_PROXY leads an https target through a tunnel (needs openssl)',
    async () => {
      const certificate = await selfSigned(NAME)
      trust(certificate)
      const server = await serve()
      const relay = await startRelay(server.url, { certificate })
      const proxy = await startProxy(`http://127.0.0.1:${relay.port}`)
      const env = { HTTPS_PROXY: withCredentials(proxy.url) }
      const obtained = await obtain(`https://${NAME}:8443/x${QUERY}`, { concurrency, env })
      expect(obtained).toMatchObject({ outcome: 'OK', delays: [] })
      expect(obtained.bytes).toEqual(OBJECT)
      for (const asked of proxy.asked) expect(asked).toEqual({ host: `${NAME}:8443`, authorization: BASIC })
    },
  )

  it.each<[string, 'http' | 'https', string]>([
    ['F014', 'https', 'HTTPS_PROXY'],
    ['F049', 'http', 'HTTP_PROXY'],
  ])('%s: 407 for an %s target fails at once', async (_, scheme, variable) => {
    const proxy = await refusingProxy(407)
    const env = { [variable]: proxy.url }
    const obtained = await obtain(`${scheme}://${NAME}/x${QUERY}`, { concurrency, env })
    expect(obtained).toMatchObject({ outcome: 'PROXY_FAILED', requests: 1, delays: [] })
    expect(obtained.words).toContain(`the proxy answered 407 when asked for ${NAME}; check ${variable}`)
    expect(proxy.asked).toHaveLength(1)
  })

  it('F015: HTTP_PROXY alone is not for an https target', async () => {
    const proxy = await refusingProxy(502)
    nameServer({ [NAME]: 'ENOTFOUND' })
    const env = { HTTP_PROXY: proxy.url, http_proxy: proxy.url }
    const obtained = await obtain(`https://${NAME}/x${QUERY}`, { concurrency, env })
    expect(obtained.words).toContain('ENOTFOUND')
    expect(proxy.asked).toEqual([])
  })

  it('F017: a loopback target is never asked through the proxy', async () => {
    const server = await serve()
    const proxy = await refusingProxy(502)
    const env = { http_proxy: proxy.url, https_proxy: proxy.url }
    for (const host of ['127.0.0.1', 'localhost']) {
      const url = server.place.replace('127.0.0.1', host)
      const obtained = await obtain(url, { concurrency, env })
      expect(obtained.outcome).toBe('OK')
      expect(obtained.bytes).toEqual(OBJECT)
    }
    expect(proxy.asked).toEqual([])
  })

  it('F019: a proxy that cannot reach the target is asked again, until the attempts are used up', async () => {
    const proxy = await refusingProxy(502)
    const asking = { concurrency, retries: 3, env: { https_proxy: proxy.url } }
    const obtained = await obtain(`https://${NAME}/x${QUERY}`, asking)
    expect(obtained).toMatchObject({ outcome: 'PROXY_FAILED', requests: 4 })
    expect(obtained.words).toContain(
      `gave up after 4 attempts: the proxy answered 502 when asked for ${NAME}`,
    )
    expect(proxy.asked).toHaveLength(4)
  })
})

describe('F016: NO_PROXY', () => {
  it.each<[string, string, boolean]>([
    ['the exact name', NAME, true],
    ['a name that ends in it', 'test', true],
    ['a suffix with a dot', '.test', true],
    ['the name in other letters', 'Snapshots.TEST', true],
    ['another name with the same end', 'shots.test', false],
    ['the name with the port', `${NAME}:{port}`, true],
    ['the name with another port', `${NAME}:1`, false],
    ['everything', '*', true],
    ['a list', `other.test, ${NAME}`, true],
    ['nothing', '', false],
    ['a pattern, which it has none of', '*.test', false],
  ])('F016: of %s ("%s") means a direct connection: %s', async (_, list, isDirect) => {
    const server = await serve()
    const proxy = await startProxy(server.url)
    nameServer({ [NAME]: ['127.0.0.1'] })
    const { port } = new URL(server.url)
    const env = { http_proxy: proxy.url, no_proxy: list.replace('{port}', port) }
    const obtained = await obtain(`http://${NAME}:${port}/x${QUERY}`, { concurrency: 2, env })
    expect(obtained.bytes).toEqual(OBJECT)
    expect(proxy.asked.length === 0).toBe(isDirect)
  })

  it.each<[string, boolean]>([
    ['192.0.2.0/24', true],
    ['192.0.3.0/24', false],
    ['192.0.2.7', true],
  ])('F016: of the block %s means a direct connection to 192.0.2.7: %s', async (list, isDirect) => {
    const server = await serve()
    const proxy = await startProxy(server.url)
    const env = { http_proxy: proxy.url, no_proxy: list }
    const asking = { concurrency: 2, env, retries: 0, connectTimeoutMs: 100 }
    const obtained = await obtain(`http://192.0.2.7/x${QUERY}`, asking)
    expect(obtained.outcome).toBe(isDirect ? 'CONNECTION_FAILED' : 'OK')
    expect(proxy.asked.length === 0).toBe(isDirect)
  })
})

describe('F019: a proxy that cannot be reached is named, and not the server', () => {
  it.each<[string, () => Promise<string>]>([
    ['nobody listens at its port', async () => `127.0.0.1:${await freePort()}`],
    ['its name is not known', async () => 'proxy.test:3128'],
  ])('F019: as %s', async (_, place) => {
    nameServer({ 'proxy.test': 'ENOTFOUND' })
    const proxy = await place()
    const value = withCredentials(`http://${proxy}`)
    for (const scheme of ['http', 'https']) {
      const asking = { concurrency: 2, retries: 0, env: { http_proxy: value, https_proxy: value } }
      const obtained = await obtain(`${scheme}://${NAME}/x${QUERY}`, asking)
      expect(obtained.outcome).toBe('PROXY_FAILED')
      const advice = 'check https_proxy, http_proxy and no_proxy'
      expect(obtained.words).toContain(`could not reach the proxy ${proxy} for ${NAME}; ${advice}`)
    }
  })
})

describe('F018: the credentials of a proxy are in no line', () => {
  it.each<[string, (credentials: string) => Promise<string> | string, string]>([
    ['is not there', async (user) => `http://${user}@127.0.0.1:${await freePort()}`, 'PROXY_FAILED'],
    ['is no http proxy', (user) => `socks5://${user}@127.0.0.1:1080`, 'INVALID_INPUT'],
    ['has no valid address', (user) => `http://${user}@127.0.0.1:99999999`, 'INVALID_INPUT'],
  ])('F018: of one that %s', async (_, proxy, outcome) => {
    const value = await proxy(PROXY_CREDENTIALS)
    for (const scheme of ['http', 'https']) {
      const asking = { concurrency: 2, retries: 2, env: { http_proxy: value, https_proxy: value } }
      const obtained = await obtain(`${scheme}://${NAME}/x${QUERY}`, asking) // which refuses words that tell them
      expect(obtained.outcome).toBe(outcome)
    }
  })
})
