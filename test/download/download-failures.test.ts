import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import { deferred, never } from '../support/deferred.ts'
import type { Fault } from '../support/fault.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { BYTES, faultAt, LAST, MANY, MIDDLE, SIZE } from './faulty-chunk.ts'
import { CHUNK, failureOf, rangesOf, startFetch } from './fixture.ts'
import { Reader } from './reader.ts'

describe('a download ends with an error that says what and where when', () => {
  const AGAIN = 'gave up after'

  it.each<[string, number, Fault, ErrorCode, string]>([
    ['a chunk is of another ETag', MIDDLE, { etag: '"v2"' }, 'SNAPSHOT_CHANGED', 'ETag "v2" instead of "v1"'],
    ['the last chunk is of another ETag', LAST, { etag: '"v2"' }, 'SNAPSHOT_CHANGED', 'was replaced'],
    ['a chunk is of another size', MIDDLE, { total: 999 }, 'SNAPSHOT_CHANGED', '999 bytes instead of 101'],
    ['the precondition fails', MIDDLE, { status: 412 }, 'SNAPSHOT_CHANGED', 'status 412'],
    ['a chunk is gone (404)', MIDDLE, { status: 404 }, 'SNAPSHOT_CHANGED', 'status 404'],
    ['a chunk is gone (410)', MIDDLE, { status: 410 }, 'SNAPSHOT_CHANGED', 'status 410'],
    ['a chunk lies outside', MIDDLE, { status: 416 }, 'SNAPSHOT_CHANGED', 'status 416'],
    ['access ends', MIDDLE, { status: 403 }, 'ACCESS_DENIED', 'answered 403'],
    ['a chunk is encoded', MIDDLE, { headers: { 'content-encoding': 'gzip' } }, 'PROTOCOL_ERROR', 'gzip'],
    ['a status is unknown', MIDDLE, { status: 501 }, 'SERVER_ERROR', 'answered 501'],
    [
      'there are two Content-Ranges',
      MIDDLE,
      { contentRange: ['a', 'b'] },
      'PROTOCOL_ERROR',
      '2 content-range',
    ],
  ])('%s, and asks no more', async (_, place, fault, code, what) => {
    const { read, server, retried } = await startFetch({ bytes: BYTES, fault: faultAt(place, fault, MANY) })
    const failure = await failureOf(read())
    expect(failure.code).toBe(code)
    expect(failure.text).toContain(what)
    expect(failure.text).toContain(`${server.url}/object`)
    expect(retried).toEqual([])
    await server.until(() => server.active() === 0)
  })

  it.each<[string, Fault, ErrorCode, string, number]>([
    ['resets again and again', { drop: 'reset' }, 'CONNECTION_FAILED', 'failed', 6],
    ['ends early again and again', { shortBody: 0 }, 'PROTOCOL_ERROR', 'Content-Length 0 contradicts', 5],
    ['has no bytes again and again', { finAfter: 0 }, 'CONNECTION_FAILED', 'failed', 6],
    ['answers 503 again and again', { status: 503 }, 'SERVER_ERROR', 'answered 503', 6],
    ['ignores the range again and again', { ignoreRange: true }, 'PROTOCOL_ERROR', 'ignored the range', 5],
    ['gives other ranges', { contentRange: 'bytes 0-15/101' }, 'PROTOCOL_ERROR', 'is another range', 5],
    ['gives no ETag', { etag: null }, 'PROTOCOL_ERROR', 'no strong ETag', 5],
    ['gives no Content-Range', { contentRange: null }, 'PROTOCOL_ERROR', 'missing', 5],
    ['is too long', { overlong: 'whole' }, 'PROTOCOL_ERROR', 'Content-Length 101 contradicts', 5],
  ])('a chunk %s', async (_, fault, code, what, attempts) => {
    const { read, server } = await startFetch({ bytes: BYTES, fault: faultAt(MIDDLE, fault, MANY) })
    const failure = await failureOf(read())
    expect(failure.code).toBe(code)
    expect(failure.text).toContain(`${AGAIN} ${attempts} attempts`)
    expect(failure.text).toContain(what)
    expect(failure.text).toContain(`${server.url}/object`)
    // Turned away while another is on its way, the first one does not count.
    const asked = rangesOf(server).filter((range) => range === 'bytes=32-47').length
    expect([attempts, attempts + 1]).toContain(asked)
    await server.until(() => server.active() === 0)
  })

  it('a chunk brings too many bytes again and again, none of which is handed on', async () => {
    const fault = faultAt(MIDDLE, { overlong: 'whole', chunked: true }, MANY)
    const slow = faultAt(CHUNK, { hold: never }, MANY)
    const { stream, server } = await startFetch({
      bytes: BYTES,
      fault: (request) => fault(request) ?? slow(request),
    })
    const pieces: Uint8Array[] = []
    const reading = (async () => {
      for await (const piece of await stream()) pieces.push(new Uint8Array(piece))
    })()
    const { code, text } = await failureOf(reading)
    expect(code).toBe('PROTOCOL_ERROR')
    expect(text).toContain('more than the expected 16 bytes at 32')
    expect(Buffer.concat(pieces)).toEqual(BYTES.subarray(0, CHUNK))
    await server.until(() => server.active() === 0)
  })

  it('the head brings too many bytes after some were handed on, and none beyond the chunk is', async () => {
    const more = deferred()
    const fault = faultAt(CHUNK, {
      overlong: 10,
      chunked: true,
      pause: { after: 4, until: more.promise },
    })
    const { stream } = await startFetch({ bytes: BYTES, fault })
    const reader = new Reader(await stream())
    expect(await reader.take(CHUNK + 4)).toEqual(BYTES.subarray(0, CHUNK + 4))
    more.resolve()
    const { code, text } = await failureOf(reader.rest())
    expect(code).toBe('PROTOCOL_ERROR')
    expect(text).toContain('more than the expected 16 bytes at 16')
  })

  it('the whole has no attempts left, though each chunk had', async () => {
    const fault: FaultScript = ({ index }) => (index > 0 ? { status: 500 } : undefined)
    const { read, retried } = await startFetch({ bytes: BYTES, budget: 3, fault })
    expect(await failureOf(read())).toMatchObject({ code: 'SERVER_ERROR' })
    expect(retried).toHaveLength(3)
  })

  it('a server asks for a longer wait than there is time, and waits as long as one that asks for less', async () => {
    const fault = faultAt(MIDDLE, { status: 503, headers: { 'retry-after': '7' } })
    const short = await startFetch({ bytes: BYTES, fault })
    expect(await short.read()).toEqual(BYTES)
    expect(short.delays).toEqual([7000])

    const long = await startFetch({
      bytes: BYTES,
      fault: faultAt(MIDDLE, { status: 429, headers: { 'retry-after': '3600' } }, MANY),
    })
    const failure = await failureOf(long.read())
    expect(failure).toMatchObject({ code: 'RATE_LIMITED' })
    expect(failure.text).toContain('asks to wait 3600 s')
    expect(long.delays).toEqual([])
  })

  it('bytes of two revisions are on the server, and hands on none of the new one', async () => {
    const first = deferred()
    const fault: FaultScript = ({ start }) => (start === CHUNK ? { hold: first.promise } : undefined)
    const { stream, server } = await startFetch({ bytes: BYTES, fault })
    const reader = new Reader(await stream())
    expect(await reader.take(CHUNK)).toEqual(BYTES.subarray(0, CHUNK))
    server.replace(Buffer.alloc(SIZE, 0xff), '"v2"')
    first.resolve()
    const pieces: Buffer[] = []
    const reading = (async () => {
      for (let piece = await reader.next(); piece !== undefined; piece = await reader.next())
        pieces.push(piece)
    })()
    expect(await failureOf(reading)).toMatchObject({ code: 'SNAPSHOT_CHANGED' })
    const more = Buffer.concat(pieces)
    expect(more).toEqual(BYTES.subarray(CHUNK, CHUNK + more.length))
  })

  it('a replica has other bytes under another ETag, and the server ignores If-Match', async () => {
    const other = Buffer.alloc(SIZE, 0xff)
    const fault: FaultScript = ({ index }) => (index % 2 === 1 ? { object: other, etag: '"v2"' } : undefined)
    const { read } = await startFetch({ bytes: BYTES, fault })
    expect(await failureOf(read())).toMatchObject({ code: 'SNAPSHOT_CHANGED' })
  })

  it('one chunk fails for good, which ends all others at once', async () => {
    const fault: FaultScript = ({ start }) => {
      if (start === 0) return undefined
      return start === 3 * CHUNK ? { status: 404 } : { pause: { after: 1, until: never } }
    }
    const { read, server } = await startFetch({ bytes: BYTES, concurrency: 3, fault })
    expect(await failureOf(read())).toMatchObject({ code: 'SNAPSHOT_CHANGED' })
    await server.until(() => server.active() === 0)
    expect(server.log.filter(({ state }) => state === 'aborted')).toHaveLength(2)
  })
})
