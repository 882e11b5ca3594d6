import { describe, expect, it, onTestFinished } from 'vitest'
import { ask } from './ask.ts'
import { deferred } from './deferred.ts'
import type { Fault } from './fault.ts'
import { startObjectServer } from './object-server.ts'

const bytes = Buffer.from('0123456789abcdefghijklmnopqrstuv')
const range = { range: 'bytes=10-19' }

async function serve(fault: Fault) {
  const server = await startObjectServer({ bytes, fault: () => fault })
  onTestFinished(() => server.close())
  return server
}

async function askWith(fault: Fault, headers: Record<string, string> = range) {
  const server = await serve(fault)
  const asked = await ask(`${server.url}/object`, { headers })
  return { ...asked, text: asked.body.toString(), logged: server.log[0] }
}

describe('a fault in the answer', () => {
  it('status and body take the place of the answer', async () => {
    const asked = await askWith({ status: 503, body: 'busy', headers: { 'retry-after': '2' } })
    expect(asked).toMatchObject({ status: 503, text: 'busy', error: undefined })
    expect(asked.headers).toMatchObject({ 'retry-after': '2', 'content-length': '4' })
    expect(asked.headers).not.toHaveProperty('etag')
  })

  it('a body alone is a page with status 200', async () => {
    const asked = await askWith({ body: '<html>', headers: { 'content-type': 'text/html' } })
    expect(asked).toMatchObject({ status: 200, text: '<html>', headers: { 'content-type': 'text/html' } })
  })

  it('redirect sends its location, 302 unless told otherwise', async () => {
    expect(await askWith({ redirect: '/there' })).toMatchObject({
      status: 302,
      headers: { location: '/there' },
    })
    expect(await askWith({ redirect: '/there', status: 308 })).toMatchObject({ status: 308 })
  })

  it('ignoreRange gives everything with status 200', async () => {
    const asked = await askWith({ ignoreRange: true })
    expect(asked).toMatchObject({ status: 200, text: bytes.toString(), headers: { etag: '"v1"' } })
    expect(asked.headers).not.toHaveProperty('content-range')
  })

  it('etag changes it, weakens it, or takes it away', async () => {
    expect((await askWith({ etag: '"v2"' })).headers.etag).toBe('"v2"')
    expect((await askWith({ etag: 'W/"v1"' })).headers.etag).toBe('W/"v1"')
    expect((await askWith({ etag: null })).headers).not.toHaveProperty('etag')
  })

  it('contentRange and total change what the answer says it is', async () => {
    expect((await askWith({ contentRange: 'bytes 5-14/32' })).headers['content-range']).toBe('bytes 5-14/32')
    expect((await askWith({ contentRange: null })).headers).not.toHaveProperty('content-range')
    expect((await askWith({ total: 33 })).headers['content-range']).toBe('bytes 10-19/33')
    const twice = await askWith({ contentRange: ['bytes 10-19/32', 'bytes 0-9/32'] })
    expect(twice.rawHeaders.filter((name) => name === 'content-range')).toHaveLength(2)
  })

  it('overlong sends the right Content-Range with too many bytes, or with the whole object', async () => {
    const more = await askWith({ overlong: 3 })
    expect(more).toMatchObject({ status: 206, text: 'abcdefghijxxx', headers: { 'content-length': '13' } })
    const all = await askWith({ overlong: 'whole' })
    expect(all).toMatchObject({ status: 206, headers: { 'content-range': 'bytes 10-19/32' } })
    expect(all.text).toBe(bytes.toString())
  })

  it('shortBody ends cleanly after fewer bytes', async () => {
    const asked = await askWith({ shortBody: 4 })
    expect(asked).toMatchObject({ status: 206, text: 'abcd', error: undefined })
    expect(asked.headers).toMatchObject({ 'content-range': 'bytes 10-19/32', 'content-length': '4' })
  })

  it('chunked leaves the length out', async () => {
    const asked = await askWith({ chunked: true })
    expect(asked).toMatchObject({
      status: 206,
      text: 'abcdefghij',
      headers: { 'transfer-encoding': 'chunked' },
    })
  })

  it('headers can make an answer that ends with its connection', async () => {
    const asked = await askWith({
      chunked: true,
      headers: { 'transfer-encoding': null, connection: 'close' },
    })
    expect(asked).toMatchObject({ status: 206, text: 'abcdefghij', error: undefined })
    expect(asked.headers).not.toHaveProperty('transfer-encoding')
    expect(asked.headers).not.toHaveProperty('content-length')
  })

  it('flipAt changes one byte of the body, object all of them', async () => {
    expect((await askWith({ flipAt: 2 })).text).toBe('abbdefghij')
    expect((await askWith({ object: Buffer.alloc(32, '-') })).text).toBe('----------')
  })

  it('raw bytes need not be HTTP', async () => {
    expect((await askWith({ raw: 'SSH-2.0-banner\r\n' })).error).toMatch(/^HPE_/)
    const asked = await askWith({ raw: 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfour' })
    expect(asked).toMatchObject({ status: 200, text: 'four', error: 'ECONNRESET' })
  })
})

describe('a fault in the sending', () => {
  it('drop ends the connection before the answer', async () => {
    expect(await askWith({ drop: 'reset' })).toMatchObject({ status: 0, error: 'ECONNRESET' })
    expect(await askWith({ drop: 'fin' })).toMatchObject({ status: 0, error: 'ECONNRESET' })
  })

  it.each([0, 1, 5, 9])('resetAfter and finAfter break the body after %d bytes', async (after) => {
    for (const fault of [{ resetAfter: after }, { finAfter: after }]) {
      const asked = await askWith(fault)
      expect(asked).toMatchObject({ status: 206, text: 'abcdefghij'.slice(0, after), error: 'ECONNRESET' })
      expect(asked.headers).toMatchObject({ 'content-length': '10', connection: 'close' })
      expect(asked.logged).toMatchObject({ bytesSent: after, state: 'aborted' })
    }
  })

  it('finAfter leaves a chunked body without its end', async () => {
    const asked = await askWith({ chunked: true, finAfter: 5 })
    expect(asked).toMatchObject({ status: 206, text: 'abcde', error: 'ECONNRESET' })
  })

  it('stallAfter sends nothing more and holds the connection until close', async () => {
    const server = await serve({ stallAfter: 3 })
    const asking = ask(server.url, { headers: range })
    await server.until(() => server.log[0]?.bytesSent === 3)
    expect(server.active()).toBe(1)
    await server.close()
    expect((await asking).body.toString()).toBe('abc')
  })

  it('hold waits before the answer, pause in the middle of it', async () => {
    const hold = deferred()
    const middle = deferred()
    const server = await serve({ hold: hold.promise, pause: { after: 4, until: middle.promise } })
    const asking = ask(server.url, { headers: range })
    await server.until(() => server.log.length === 1)
    expect(server.log[0]?.status).toBe(0)
    hold.resolve()
    await server.until(() => server.log[0]?.bytesSent === 4)
    middle.resolve()
    expect((await asking).body.toString()).toBe('abcdefghij')
  })

  it('pause after 0 bytes lets the headers out first', async () => {
    const until = deferred()
    const server = await serve({ pause: { after: 0, until: until.promise } })
    const asking = ask(server.url, { headers: range })
    await server.until(() => server.log[0]?.status === 206)
    expect(server.log[0]?.bytesSent).toBe(0)
    until.resolve()
    expect((await asking).body.toString()).toBe('abcdefghij')
  })

  it('drip sends a byte at a time, headers too when they are raw', async () => {
    expect(await askWith({ drip: { everyMs: 1 } })).toMatchObject({ text: 'abcdefghij', error: undefined })
    const raw = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
    expect(await askWith({ raw, drip: { everyMs: 1, bytes: 9 } })).toMatchObject({ status: 200, text: 'ok' })
  })
})
