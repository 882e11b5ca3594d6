import { createServer, type RequestListener } from 'node:http'
import { describe, expect, it } from 'vitest'
import { startProxy } from '../support/forward-proxy.ts'
import { listen } from '../support/listening.ts'
import { bodyOf, CREDENTIALS, clientFor, failureOf, get, SECRETS, SIGNED, serve } from './fixture.ts'
import { BASIC, getBy, HOST, withCredentials } from './proxied.ts'

describe('an http target through a proxy', () => {
  it('is asked for by its whole address, with the credentials for the proxy only', async () => {
    const target = await serve()
    const proxy = await startProxy(target.url)
    const reply = await getBy(`http://${HOST}:8080/x${SIGNED}`, { http_proxy: withCredentials(proxy.url) })
    expect(await bodyOf(reply)).toBe('bytes')
    expect(proxy.asked).toEqual([{ host: `${HOST}:8080`, authorization: BASIC }])
    expect(target.log[0]).toMatchObject({ path: '/x', query: SIGNED, range: 'bytes=4-8' })
    expect(target.log[0]?.headers).toMatchObject({
      authorization: SECRETS.authorization,
      host: `${HOST}:8080`,
    })
    expect(target.log[0]?.headers).not.toHaveProperty('proxy-authorization')
  })

  it('is asked directly where no_proxy names it, or it is this machine', async () => {
    const target = await serve()
    const env = { http_proxy: 'http://127.0.0.1:1' }
    expect(await bodyOf(await getBy(`${target.url}/x`, env))).toBe('bytes')
    const named = await failureOf(getBy(`http://${HOST}/x`, { ...env, no_proxy: '.test' }))
    expect(named.text).toMatch(/ENOTFOUND|EAI_AGAIN/)
  })

  it.each([
    ['wants credentials', 407, 'PROXY_FAILED', 0],
    ['cannot reach the target', 502, undefined, 0],
  ])('fails for a proxy that %s', async (_, status, code, worth) => {
    const answer: RequestListener = (_request, response) => response.writeHead(status).end('a page')
    const port = await listen(createServer(answer))
    const env = { http_proxy: `http://${CREDENTIALS}@127.0.0.1:${port}` }
    const asking = getBy(`http://${HOST}/x${SIGNED}`, env)
    if (code === undefined) {
      const reply = await asking
      expect(reply.status).toBe(status)
      return reply.drop()
    }
    const failure = await failureOf(asking)
    expect(failure).toMatchObject({ code, worth })
    expect(failure.text).toContain(`the proxy answered 407 when asked for ${HOST}; check HTTP_PROXY`)
  })

  it('fails for a proxy that is not there, worth another attempt', async () => {
    const env = { http_proxy: `http://${CREDENTIALS}@127.0.0.1:1` }
    expect(await failureOf(getBy(`http://${HOST}/x${SIGNED}`, env))).toMatchObject({
      code: 'PROXY_FAILED',
      worth: Number.POSITIVE_INFINITY,
    })
  })

  it('has no more connections to the proxy than it may have to one origin', async () => {
    let connections = 0
    const proxy = createServer((_request, response) => response.end('bytes'))
    proxy.on('connection', () => (connections += 1))
    const env = { http_proxy: `http://127.0.0.1:${await listen(proxy)}` }
    const url = `http://${HOST}/x`
    const client = clientFor(url, { env, connections: 2 })
    const ask = async (): Promise<string> => bodyOf(await get(client, url))
    await Promise.all(Array.from({ length: 6 }, ask))
    expect(connections).toBe(2)
  })
})

describe('an https target through a proxy', () => {
  /** A proxy that answers CONNECT with this and ends, and what it was asked. */
  async function refusingProxy(answer: string): Promise<{ url: string; asked: (string | undefined)[] }> {
    const asked: (string | undefined)[] = []
    const server = createServer().on('connect', (request, socket) => {
      asked.push(request.url, request.headers['proxy-authorization'])
      socket.end(answer)
    })
    return { url: `http://${CREDENTIALS}@127.0.0.1:${await listen(server)}`, asked }
  }

  it.each([
    ['wants other credentials', 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', '407', 0],
    ['forbids it', 'HTTP/1.1 403 Forbidden\r\n\r\n', '403', 0],
    ['cannot reach it', 'HTTP/1.1 502 Bad Gateway\r\n\r\n', '502', Number.POSITIVE_INFINITY],
  ])('fails for a proxy that %s', async (_, answer, status, worth) => {
    const proxy = await refusingProxy(answer)
    const failure = await failureOf(getBy(`https://${HOST}/x${SIGNED}`, { https_proxy: proxy.url }))
    expect(failure).toMatchObject({ code: 'PROXY_FAILED', worth })
    expect(failure.text).toContain(`the proxy answered ${status} when asked for ${HOST}`)
    expect(proxy.asked).toEqual([`${HOST}:443`, BASIC])
  })

  it('fails for a proxy that goes away, worth another attempt', async () => {
    const proxy = await refusingProxy('')
    const failure = await failureOf(getBy(`https://${HOST}/x${SIGNED}`, { https_proxy: proxy.url }))
    expect(failure).toMatchObject({ code: 'CONNECTION_FAILED', worth: Number.POSITIVE_INFINITY })
  })

  const GRANTED = 'HTTP/1.1 200 Connection established\r\n\r\n'

  it.each([
    [
      'a proxy that never answers',
      '',
      'PROXY_FAILED',
      `did not answer when asked for ${HOST}; check https_proxy`,
    ],
    [
      'a target that is silent in its tunnel',
      GRANTED,
      'CONNECTION_FAILED',
      `request for https://${HOST}/x failed`,
    ],
  ])('fails for %s within the time to connect, worth another attempt', async (_, answer, code, words) => {
    const server = createServer().on('connect', (_request, socket) => socket.write(answer))
    const env = { https_proxy: `http://${CREDENTIALS}@127.0.0.1:${await listen(server)}` }
    const client = clientFor(`https://${HOST}`, { env, connectTimeoutMs: 200 })
    const failure = await failureOf(get(client, `https://${HOST}/x${SIGNED}`))
    expect(failure).toMatchObject({ code, worth: Number.POSITIVE_INFINITY })
    expect(failure.text).toContain(words)
  })

  it('is not asked through the proxy for http', async () => {
    const failure = await failureOf(getBy(`https://${HOST}/x${SIGNED}`, { http_proxy: 'http://127.0.0.1:1' }))
    expect(failure.text).toMatch(/ENOTFOUND|EAI_AGAIN/)
  })
})
