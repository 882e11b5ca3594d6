import { getEventListeners, once } from 'node:events'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { describeError } from '../../src/errors.ts'
import { type ClientOptions, HttpClient } from '../../src/http/client.ts'
import type { Reply } from '../../src/http/exchange.ts'
import { attemptsWorth } from '../../src/http/retry.ts'
import { deferred } from '../support/deferred.ts'
import { type ObjectServer, type ObjectServerOptions, startObjectServer } from '../support/object-server.ts'
import { type FaultScript, type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts'

const BYTES = Buffer.from('the bytes of the object')
const SECRETS = { authorization: 'Bearer t0p-s3cret', 'x-key': 'another-s3cret' }
const never = new Promise<never>(() => {})

async function serve(options: ObjectServerOptions = {}): Promise<ObjectServer> {
  const server = await startObjectServer({ bytes: BYTES, ...options })
  onTestFinished(() => server.close())
  return server
}

function clientFor(origin: string, overrides: Partial<ClientOptions> = {}): HttpClient {
  const client = new HttpClient({
    env: {},
    secrets: { origin: new URL(origin).origin, headers: SECRETS },
    connectTimeoutMs: 10_000,
    connections: 8,
    ...overrides,
  })
  onTestFinished(() => client.close())
  return client
}

interface Asking {
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
  readonly headersTimeoutMs?: number
}

function get(client: HttpClient, url: string, asking: Asking = {}): Promise<Reply> {
  const defaults = { headers: {}, headersTimeoutMs: 60_000, signal: new AbortController().signal }
  return client.get(new URL(url), { ...defaults, ...asking })
}

async function bodyOf(reply: Reply): Promise<string> {
  const pieces: Buffer[] = []
  await reply.read((bytes) => pieces.push(Buffer.from(bytes)))
  return Buffer.concat(pieces).toString()
}

async function failureOf(promise: Promise<unknown>): Promise<{ code: string; text: string; worth: number }> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (failure: unknown) => failure,
  )
  const text = describeError(error)
  expect(text).not.toMatch(/s3cret|signed/)
  return { code: (error as { code: string }).code, text, worth: attemptsWorth(error) }
}

describe('a request', () => {
  it('says who asks, wants the bytes as they are, and carries no cookie', async () => {
    const server = await serve({ headers: { 'set-cookie': 'a=b' } })
    const client = clientFor(server.url)
    await bodyOf(await get(client, `${server.url}/x`))
    await bodyOf(await get(client, `${server.url}/x?y=1`, { headers: { range: 'bytes=0-1' } }))
    const { host, connection, ...headers } = server.log[1]?.headers ?? {}
    expect(headers).toEqual({
      'user-agent': 'git-snapshot',
      'accept-encoding': 'identity',
      range: 'bytes=0-1',
      ...SECRETS,
    })
    expect(server.log[1]).toMatchObject({ path: '/x', query: '?y=1', method: 'GET' })
  })

  it('gives any status as a reply, and its headers by their names', async () => {
    const server = await serve({ fault: () => ({ status: 404, body: 'gone', headers: { 'X-Thing': 'a' } }) })
    const reply = await get(clientFor(server.url), `${server.url}/x`)
    expect(reply.status).toBe(404)
    expect(reply.header('x-thing')).toBe('a')
    expect(reply.header('x-other')).toBeUndefined()
    expect(await bodyOf(reply)).toBe('gone')
  })

  it('refuses a header that came several times, since no one knows which counts', async () => {
    const server = await serve({ fault: () => ({ etag: null, headers: { etag: ['"a"', '"b"'] } }) })
    const reply = await get(clientFor(server.url), `${server.url}/x`)
    expect(() => reply.header('etag')).toThrow('sent 2 etag headers')
    reply.drop()
  })

  it('counts what went over the wire, what was dropped included', async () => {
    const server = await serve({ fault: ({ index }) => (index === 0 ? { redirect: '/other' } : undefined) })
    const client = clientFor(server.url)
    await bodyOf(await get(client, `${server.url}/x`))
    expect(client.traffic).toEqual({ requests: 2, bytes: BYTES.length })
  })

  it('uses connections again', async () => {
    const ports = new Set<unknown>()
    const server = createServer((socket) => {
      ports.add(socket.remotePort)
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'))
      socket.on('error', () => {})
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    const client = clientFor(`http://127.0.0.1:${port}`)
    for (let time = 0; time < 10; time += 1) {
      expect(await bodyOf(await get(client, `http://127.0.0.1:${port}/`))).toBe('ok')
    }
    expect(ports.size).toBeLessThanOrEqual(2) // one is busy for a moment more when its reply has ended
  })

  it('takes early hints for no reply', async () => {
    const raw = `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok`
    const server = await serve({ fault: () => ({ raw }) })
    const reply = await get(clientFor(server.url), `${server.url}/x`)
    expect(reply.status).toBe(200)
    expect(await bodyOf(reply)).toBe('ok')
  })
})

describe('a redirect', () => {
  it('within the origin keeps the secrets and what was asked for', async () => {
    const server = await serve({
      fault: ({ path }) => (path === '/x' ? { redirect: '/dir/y?z=1' } : undefined),
    })
    const headers = { range: 'bytes=4-8', 'if-match': '"v1"' }
    const reply = await get(clientFor(server.url), `${server.url}/x`, { headers })
    expect(await bodyOf(reply)).toBe('bytes')
    expect(reply.url.href).toBe(`${server.url}/dir/y?z=1`)
    expect(server.log[1]?.headers).toMatchObject({ ...headers, ...SECRETS })
  })

  it('to another origin keeps what was asked for, and no secret', async () => {
    const other = await serve()
    const server = await serve({ fault: () => ({ redirect: `${other.url}/y` }) })
    const reply = await get(clientFor(server.url), `${server.url}/x`, { headers: { range: 'bytes=4-8' } })
    expect(await bodyOf(reply)).toBe('bytes')
    const { host, connection, ...headers } = other.log[0]?.headers ?? {}
    expect(headers).toEqual({
      'user-agent': 'git-snapshot',
      'accept-encoding': 'identity',
      range: 'bytes=4-8',
    })
  })

  it('to another host name of the same server is another origin', async () => {
    const server = await serve({
      fault: ({ path, headers }) =>
        path === '/x' ? { redirect: `http://localhost:${headers.host?.split(':')[1]}/y` } : undefined,
    })
    await bodyOf(await get(clientFor(server.url), `${server.url}/x`))
    expect(server.log[1]?.headers.authorization).toBeUndefined()
  })

  it('may come five times, and not six', async () => {
    const server = await serve({
      fault: ({ path }) => (path === '/0' ? undefined : { redirect: `/${Number(path.slice(1)) - 1}` }),
    })
    const client = clientFor(server.url)
    expect(await bodyOf(await get(client, `${server.url}/5`))).toBe(BYTES.toString())
    const { code, text } = await failureOf(get(client, `${server.url}/6`))
    expect(code).toBe('BAD_REDIRECT')
    expect(text).toContain('more than 5 times')
  })

  it.each<[string, string | null]>([
    ['nowhere', null],
    ['a file', 'file:///etc/passwd'],
    ['a user', 'http://u:s3cret@127.0.0.1/'],
  ])('to %s is refused, and its connection ended', async (_, location) => {
    const page = { status: 302, body: 'a page', headers: { location }, pause: { after: 0, until: never } }
    const server = await serve({ fault: () => page })
    expect(await failureOf(get(clientFor(server.url), `${server.url}/x?signed=1`))).toMatchObject({
      code: 'BAD_REDIRECT',
    })
    await server.until(() => server.active() === 0)
  })
})

describe('a request with a body', () => {
  const BODY = '{"commits":["\u00e9"]}'

  /** Answers with what it was sent. */
  async function echo(fault: FaultScript = () => undefined): Promise<ScriptedServer> {
    const answer = async (request: Parameters<typeof text>[0]) => ({
      status: 200,
      headers: {},
      body: [Buffer.from(await text(request))],
    })
    const server = await startScriptedServer(answer, fault)
    onTestFinished(() => server.close())
    return server
  }

  function post(client: HttpClient, url: string, asking: Asking = {}): Promise<Reply> {
    const defaults = { headers: {}, headersTimeoutMs: 60_000, signal: new AbortController().signal }
    return client.post(new URL(url), { ...defaults, ...asking, body: BODY })
  }

  it('is a POST that announces its length and is otherwise as any other', async () => {
    const server = await echo()
    const asking = { headers: { 'content-type': 'application/json' } }
    const reply = await post(clientFor(server.url), `${server.url}/x?y=1`, asking)
    expect(await bodyOf(reply)).toBe(BODY)
    const { host, connection, ...headers } = server.log[0]?.headers ?? {}
    expect(headers).toEqual({
      'user-agent': 'git-snapshot',
      'accept-encoding': 'identity',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(BODY)),
      ...SECRETS,
    })
    expect(server.log[0]).toMatchObject({ method: 'POST', path: '/x', query: '?y=1' })
  })

  it('gives any status as a reply', async () => {
    const server = await echo(() => ({ status: 502, body: 'clone not ready' }))
    const reply = await post(clientFor(server.url), `${server.url}/x`)
    expect([reply.status, await bodyOf(reply)]).toEqual([502, 'clone not ready'])
  })

  it('is sent again where a redirect says so within the origin', async () => {
    const again = { status: 307, redirect: '/y' }
    const server = await echo(({ path }) => (path === '/x' ? again : undefined))
    const reply = await post(clientFor(server.url), `${server.url}/x`)
    expect(await bodyOf(reply)).toBe(BODY)
    expect(server.log.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /x', 'POST /y'])
    expect(server.log[1]?.headers).toMatchObject(SECRETS)
  })

  it('goes to no other origin', async () => {
    const other = await echo()
    const server = await echo(() => ({ status: 308, redirect: `${other.url}/y` }))
    expect(await failureOf(post(clientFor(server.url), `${server.url}/x?signed=1`))).toMatchObject({
      code: 'BAD_REDIRECT',
    })
    expect(other.log).toEqual([])
  })

  it('becomes no request without one', async () => {
    const server = await echo(() => ({ status: 303, redirect: '/y' }))
    const failure = await failureOf(post(clientFor(server.url), `${server.url}/x?signed=1`))
    expect(failure.code).toBe('BAD_REDIRECT')
    expect(server.log).toHaveLength(1)
  })

  it('ends at once when it is cancelled', async () => {
    const server = await echo(() => ({ hold: never }))
    const cancel = new AbortController()
    const asking = post(clientFor(server.url), `${server.url}/x`, { signal: cancel.signal })
    await server.until(() => server.active() === 1)
    cancel.abort(new Error('cancelled'))
    await expect(asking).rejects.toThrow('cancelled')
    await server.until(() => server.active() === 0)
  })
})

describe('a body', () => {
  it('waits until it is read, in whole', async () => {
    const server = await serve()
    const reply = await get(clientFor(server.url), `${server.url}/x`)
    await server.until(() => server.active() === 0)
    expect(await bodyOf(reply)).toBe(BYTES.toString())
  })

  it('stops while it is paused, and goes on', async () => {
    const bytes = Buffer.alloc(8 * 2 ** 20, 'x')
    const server = await serve({ bytes })
    const client = clientFor(server.url)
    const reply = await get(client, `${server.url}/x`)
    const paused = deferred()
    let received = 0
    const reading = reply.read((piece) => {
      if (received === 0) {
        reply.pause()
        paused.resolve()
      }
      received += piece.length
    })
    await paused.promise
    const before = received
    await bodyOf(await get(client, `${server.url}/y`, { headers: { range: 'bytes=0-0' } }))
    expect(received).toBe(before)
    reply.resume()
    await reading
    expect(received).toBe(bytes.length)
  })

  it('that is dropped ends its connection, and who reads it gets the reason', async () => {
    const server = await serve({ fault: () => ({ pause: { after: 3, until: never } }) })
    const reply = await get(clientFor(server.url), `${server.url}/x`)
    const reason = new Error('no longer wanted')
    const reading = reply.read(() => reply.drop(reason))
    await expect(reading).rejects.toBe(reason)
    await server.until(() => server.active() === 0)
    reply.drop()
  })

  it('ends when the signal is aborted, with its reason, and listens no more', async () => {
    const server = await serve({ fault: () => ({ pause: { after: 3, until: never } }) })
    const cancel = new AbortController()
    const reply = await get(clientFor(server.url), `${server.url}/x`, { signal: cancel.signal })
    const reading = reply.read(() => cancel.abort(new Error('cancelled')))
    await expect(reading).rejects.toThrow('cancelled')
    await server.until(() => server.active() === 0)
    expect(getEventListeners(cancel.signal, 'abort')).toEqual([])
  })

  it('listens to the signal no more when it is complete or dropped', async () => {
    const server = await serve()
    const { signal } = new AbortController()
    const client = clientFor(server.url)
    await bodyOf(await get(client, `${server.url}/x`, { signal }))
    const dropped = await get(client, `${server.url}/x`, { signal })
    dropped.drop()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it.each([
    ['reset', { resetAfter: 3 }],
    ['ended early', { finAfter: 3 }],
    ['ended early without a length', { finAfter: 3, chunked: true as const }],
    [
      'ended early without a length on a connection that ends with it',
      { finAfter: 3, chunked: true as const, headers: { connection: 'close' } },
    ],
    ['ended early on a connection that ends with it', { finAfter: 3, headers: { connection: 'close' } }],
  ])('that is %s is a failure worth another attempt', async (_, fault) => {
    const server = await serve({ fault: () => fault })
    const reply = await get(clientFor(server.url), `${server.url}/x?signed=1`)
    const { code, text, worth } = await failureOf(bodyOf(reply))
    expect(code).toBe('CONNECTION_FAILED')
    expect(text).toContain(`${server.url}/x failed`)
    expect(worth).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('a request that is cancelled', () => {
  it('is not sent when it is cancelled before', async () => {
    const server = await serve()
    const signal = AbortSignal.abort(new Error('cancelled'))
    await expect(get(clientFor(server.url), `${server.url}/x`, { signal })).rejects.toThrow('cancelled')
    expect(server.log).toEqual([])
  })

  it('while it waits for its reply ends at once', async () => {
    const server = await serve({ fault: () => ({ hold: never }) })
    const cancel = new AbortController()
    const asking = get(clientFor(server.url), `${server.url}/x`, { signal: cancel.signal })
    await server.until(() => server.active() === 1)
    cancel.abort(new Error('cancelled'))
    await expect(asking).rejects.toThrow('cancelled')
    await server.until(() => server.active() === 0)
    expect(getEventListeners(cancel.signal, 'abort')).toEqual([])
  })

  it('while it connects ends at once', async () => {
    const server = await serve()
    const cancel = new AbortController()
    const asking = get(clientFor(server.url), `${server.url}/x`, { signal: cancel.signal })
    cancel.abort(new Error('cancelled'))
    await expect(asking).rejects.toThrow('cancelled')
    await bodyOf(await get(clientFor(server.url), `${server.url}/y`))
    expect(server.log.map(({ path }) => path)).toEqual(['/y'])
  })

  it('by closing the client is a failure', async () => {
    const server = await serve({ fault: () => ({ pause: { after: 3, until: never } }) })
    const client = clientFor(server.url)
    const reading = bodyOf(await get(client, `${server.url}/x`))
    const failure = failureOf(reading)
    await client.close()
    expect(await failure).toMatchObject({ code: 'CONNECTION_FAILED', worth: 0 })
    await server.until(() => server.active() === 0)
  })
})

describe('a server', () => {
  it('that is not there is a failure worth another attempt', async () => {
    const server = await serve()
    await server.close()
    const { code, text, worth } = await failureOf(get(clientFor(server.url), `${server.url}/x?signed=1`))
    expect(code).toBe('CONNECTION_FAILED')
    expect(text).toContain('ECONNREFUSED')
    expect(text).toContain(`${server.url}/x`)
    expect(worth).toBe(Number.POSITIVE_INFINITY)
  })

  it('that does not answer in time is left', async () => {
    const server = await serve({ fault: () => ({ hold: never }) })
    const failure = await failureOf(
      get(clientFor(server.url), `${server.url}/x?signed=1`, { headersTimeoutMs: 50 }),
    )
    expect(failure).toMatchObject({ code: 'CONNECTION_FAILED', worth: Number.POSITIVE_INFINITY })
    expect(failure.text).toContain('Headers Timeout')
    await server.until(() => server.active() === 0)
  })

  it('that drips its head does not buy time with it', async () => {
    const server = await serve({
      fault: () => ({ raw: `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(1000)}`, drip: { everyMs: 20 } }),
    })
    const asking = get(clientFor(server.url), `${server.url}/x`, { headersTimeoutMs: 50 })
    expect(await failureOf(asking)).toMatchObject({ text: expect.stringContaining('Headers Timeout') })
  })

  it('that speaks another protocol is asked once more', async () => {
    const server = await serve({ fault: () => ({ raw: 'SSH-2.0-OpenSSH_9.9\r\n' }) })
    const failure = await failureOf(get(clientFor(server.url), `${server.url}/x?signed=1`))
    expect(failure).toMatchObject({ code: 'PROTOCOL_ERROR', worth: 1 })
    expect(failure.text).toContain(`${server.url}/x does not answer in valid HTTP`)
  })

  it.each([
    ['announces no number as its length', 'HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok'],
    ['announces a negative length', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nok'],
    ['has a head of 16 KiB and more', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`],
  ])('that %s does not answer in valid HTTP, which is not tried again', async (_, raw) => {
    const server = await serve({ fault: () => ({ raw }) })
    const failure = await failureOf(get(clientFor(server.url), `${server.url}/x?signed=1`))
    expect(failure).toMatchObject({ code: 'PROTOCOL_ERROR', worth: 0 })
    expect(failure.text).toContain(`${server.url}/x does not answer in valid HTTP`)
  })

  it.each([
    ['two lengths', 'content-length: 1\r\ncontent-length: 2\r\n\r\nok'],
    ['a length and chunks', 'content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ])('that announces %s gives no reply', async (_, rest) => {
    const server = await serve({ fault: () => ({ raw: `HTTP/1.1 200 OK\r\n${rest}` }) })
    const asking = get(clientFor(server.url), `${server.url}/x?signed=1`)
    expect(await failureOf(asking)).toMatchObject({ code: 'PROTOCOL_ERROR', worth: 0 })
  })
})
