import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { describeError } from '../../src/errors.ts'
import { HttpClient } from '../../src/http/client.ts'
import type { Reply } from '../../src/http/exchange.ts'
import { attemptsWorth } from '../../src/http/retry.ts'
import { type Certificate, selfSigned } from '../support/certificate.ts'
import { startProxy } from '../support/forward-proxy.ts'
import { startObjectServer } from '../support/object-server.ts'
import { findProgram } from '../support/programs.ts'

/** A name that only a proxy resolves. */
const HOST = 'snapshots.test'
const BYTES = Buffer.from('the bytes of the object')
const CREDENTIALS = 'runner:pr0xy%20s3cret'
const BASIC = `Basic ${Buffer.from('runner:pr0xy s3cret').toString('base64')}`
const TOKEN = 'Bearer t0p-s3cret'

async function get(url: string, env: Record<string, string>): Promise<Reply> {
  const client = new HttpClient({
    env,
    secrets: { origin: new URL(url).origin, headers: { authorization: TOKEN } },
    connectTimeoutMs: 10_000,
    connections: 8,
  })
  onTestFinished(() => client.close())
  const { signal } = new AbortController()
  return client.get(new URL(url), { headers: { range: 'bytes=4-8' }, headersTimeoutMs: 60_000, signal })
}

async function bodyOf(reply: Reply): Promise<string> {
  const pieces: Buffer[] = []
  await reply.read((bytes) => pieces.push(Buffer.from(bytes)))
  return Buffer.concat(pieces).toString()
}

async function failureOf(asking: Promise<unknown>): Promise<{ code: string; text: string; worth: number }> {
  const error = await asking.then(
    () => new Error('it did not fail'),
    (failure: unknown) => failure,
  )
  const text = describeError(error)
  expect(text).not.toMatch(/s3cret|s1gnature|runner:/)
  return { code: (error as { code: string }).code, text, worth: attemptsWorth(error) }
}

function withCredentials(proxy: string): string {
  return proxy.replace('http://', `http://${CREDENTIALS}@`)
}

async function listen(
  server: { listen(port: number, host: string): unknown } & NodeJS.EventEmitter,
): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    ;(server as unknown as { close(): void }).close()
  })
  return (server as unknown as { address(): AddressInfo }).address().port
}

describe('an http target through a proxy', () => {
  it('is asked for by its whole address, with the credentials for the proxy only', async () => {
    const target = await startObjectServer({ bytes: BYTES })
    onTestFinished(() => target.close())
    const proxy = await startProxy(target.url)
    const reply = await get(`http://${HOST}:8080/x?sig=s1gnature`, { http_proxy: withCredentials(proxy.url) })
    expect(await bodyOf(reply)).toBe('bytes')
    expect(proxy.asked).toEqual([{ host: `${HOST}:8080`, authorization: BASIC }])
    expect(target.log[0]).toMatchObject({ path: '/x', query: '?sig=s1gnature', range: 'bytes=4-8' })
    expect(target.log[0]?.headers).toMatchObject({ authorization: TOKEN, host: `${HOST}:8080` })
    expect(target.log[0]?.headers).not.toHaveProperty('proxy-authorization')
  })

  it('is asked directly where no_proxy names it, or it is this machine', async () => {
    const target = await startObjectServer({ bytes: BYTES })
    onTestFinished(() => target.close())
    const env = { http_proxy: 'http://127.0.0.1:1' }
    expect(await bodyOf(await get(`${target.url}/x`, env))).toBe('bytes')
    const named = await failureOf(get(`http://${HOST}/x`, { ...env, no_proxy: '.test' }))
    expect(named.text).toMatch(/ENOTFOUND|EAI_AGAIN/)
  })

  it.each([
    ['wants credentials', 407, 'PROXY_FAILED', 0],
    ['cannot reach the target', 502, undefined, 0],
  ])('fails for a proxy that %s', async (_, status, code, worth) => {
    const answer: RequestListener = (_request, response) => response.writeHead(status).end('a page')
    const port = await listen(createServer(answer))
    const env = { http_proxy: `http://${CREDENTIALS}@127.0.0.1:${port}` }
    const asking = get(`http://${HOST}/x?sig=s1gnature`, env)
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
    expect(await failureOf(get(`http://${HOST}/x?sig=s1gnature`, env))).toMatchObject({
      code: 'CONNECTION_FAILED',
      worth: Number.POSITIVE_INFINITY,
    })
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
    const failure = await failureOf(get(`https://${HOST}/x?sig=s1gnature`, { https_proxy: proxy.url }))
    expect(failure).toMatchObject({ code: 'PROXY_FAILED', worth })
    expect(failure.text).toContain(`the proxy answered ${status} when asked for ${HOST}`)
    expect(proxy.asked).toEqual([`${HOST}:443`, BASIC])
  })

  it('fails for a proxy that goes away, worth another attempt', async () => {
    const proxy = await refusingProxy('')
    const failure = await failureOf(get(`https://${HOST}/x?sig=s1gnature`, { https_proxy: proxy.url }))
    expect(failure).toMatchObject({ code: 'CONNECTION_FAILED', worth: Number.POSITIVE_INFINITY })
  })

  it('is not asked through the proxy for http', async () => {
    const failure = await failureOf(
      get(`https://${HOST}/x?sig=s1gnature`, { http_proxy: 'http://127.0.0.1:1' }),
    )
    expect(failure.text).toMatch(/ENOTFOUND|EAI_AGAIN/)
  })
})

describe.skipIf(findProgram('openssl') === undefined)('TLS (needs openssl)', () => {
  async function serveTls(certificate: Certificate): Promise<number> {
    const server = createTlsServer(certificate, (request, response) => {
      response.writeHead(206, { 'x-authorization': String(request.headers.authorization) })
      response.end(BYTES.subarray(4, 9))
    })
    server.on('tlsClientError', () => {})
    return listen(server)
  }

  /** As NODE_EXTRA_CA_CERTS does for a process from its start. */
  function trust({ cert }: Certificate): void {
    const before = getCACertificates('default')
    setDefaultCACertificates([...before, cert])
    onTestFinished(() => setDefaultCACertificates(before))
  }

  it('works through a tunnel, which sees the name and no more, once the authority is known', async () => {
    const certificate = await selfSigned(HOST)
    trust(certificate)
    const port = await serveTls(certificate)
    const proxy = await startProxy(`http://127.0.0.1:${port}`)
    const reply = await get(`https://${HOST}:8443/x`, { https_proxy: withCredentials(proxy.url) })
    expect(reply.header('x-authorization')).toBe(TOKEN)
    expect(await bodyOf(reply)).toBe('bytes')
    expect(proxy.asked).toEqual([{ host: `${HOST}:8443`, authorization: BASIC }])
  })

  it('fails for an authority that is not known, and says which variable helps', async () => {
    for (const { url, failure } of await tlsFailures(await selfSigned(HOST))) {
      expect(failure).toMatchObject({ code: 'TLS_FAILED', worth: 0 })
      expect(failure.text).toContain('NODE_EXTRA_CA_CERTS')
      expect(failure.text).toContain(new URL(url).host)
    }
  })

  it('fails for a certificate of another name, directly and through a tunnel', async () => {
    const certificate = await selfSigned('other.test')
    trust(certificate)
    for (const { failure } of await tlsFailures(certificate)) {
      expect(failure).toMatchObject({ code: 'TLS_FAILED', worth: 0 })
      expect(failure.text).toContain('altnames')
    }
  })

  /** How requests fail at a server with this certificate: directly, and through a tunnel. */
  async function tlsFailures(certificate: Awaited<ReturnType<typeof selfSigned>>) {
    const port = await serveTls(certificate)
    const proxy = await startProxy(`http://127.0.0.1:${port}`)
    const ways = [
      { url: `https://127.0.0.1:${port}/x?sig=s1gnature`, env: {} },
      { url: `https://${HOST}/x?sig=s1gnature`, env: { https_proxy: withCredentials(proxy.url) } },
    ]
    const failures = []
    for (const { url, env } of ways) failures.push({ url, failure: await failureOf(get(url, env)) })
    expect(failures).toHaveLength(2)
    return failures
  }
})
