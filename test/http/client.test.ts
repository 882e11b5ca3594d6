import { getEventListeners } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { blackHole } from '../faults/black-hole.ts'
import { never } from '../support/deferred.ts'
import { listen } from '../support/listening.ts'
import { turns } from '../support/turns.ts'
import { BYTES, bodyOf, clientFor, failureOf, get, SECRETS, SIGNED, serve } from './fixture.ts'

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
    })
    const url = `http://127.0.0.1:${await listen(server)}/`
    const client = clientFor(url)
    for (let time = 0; time < 10; time += 1) expect(await bodyOf(await get(client, url))).toBe('ok')
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
    const { code, text, worth } = await failureOf(get(clientFor(server.url), `${server.url}/x${SIGNED}`))
    expect(code).toBe('CONNECTION_FAILED')
    expect(text).toContain('ECONNREFUSED')
    expect(text).toContain(`${server.url}/x`)
    expect(worth).toBe(Number.POSITIVE_INFINITY)
  })

  it('that does not answer in time is left', async () => {
    const server = await serve({ fault: () => ({ hold: never }) })
    const failure = await failureOf(
      get(clientFor(server.url), `${server.url}/x${SIGNED}`, { headersTimeoutMs: 50 }),
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
    const failure = await failureOf(get(clientFor(server.url), `${server.url}/x${SIGNED}`))
    expect(failure).toMatchObject({ code: 'PROTOCOL_ERROR', worth: 1 })
    expect(failure.text).toContain(`${server.url}/x does not answer in valid HTTP`)
  })

  it.each([
    ['announces no number as its length', 'HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok'],
    ['announces a negative length', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nok'],
    ['has a head of 16 KiB and more', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`],
  ])('that %s does not answer in valid HTTP, which is not tried again', async (_, raw) => {
    const server = await serve({ fault: () => ({ raw }) })
    const failure = await failureOf(get(clientFor(server.url), `${server.url}/x${SIGNED}`))
    expect(failure).toMatchObject({ code: 'PROTOCOL_ERROR', worth: 0 })
    expect(failure.text).toContain(`${server.url}/x does not answer in valid HTTP`)
  })

  it.each([
    ['two lengths', 'content-length: 1\r\ncontent-length: 2\r\n\r\nok'],
    ['a length and chunks', 'content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ])('that announces %s gives no reply', async (_, rest) => {
    const server = await serve({ fault: () => ({ raw: `HTTP/1.1 200 OK\r\n${rest}` }) })
    const asking = get(clientFor(server.url), `${server.url}/x${SIGNED}`)
    expect(await failureOf(asking)).toMatchObject({ code: 'PROTOCOL_ERROR', worth: 0 })
  })
})

it.each([
  ['directly', undefined],
  ['through a proxy', 'http://snapshots.test/'],
  ['through a proxy, to an https target', 'https://snapshots.test/'],
])('leaves no connection attempt behind when the client is closed: %s', async (_, target) => {
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
  const hole = `http://127.0.0.1:${await blackHole()}/`
  const before = sockets()
  const url = target ?? hole
  const client = clientFor(url, { env: { http_proxy: hole, https_proxy: hole } })
  const unanswered = failureOf(get(client, url))
  await turns(2)
  expect(sockets()).toBe(before + 1)
  await client.close()
  await unanswered
  await turns(2)
  expect(sockets()).toBe(before)
})
