import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import type { Snapshot } from '../../src/snapshot/open.ts'
import { type FetchSettings, failureOf, pattern, rangesOf, startFetch } from '../download/fixture.ts'
import { never } from '../support/deferred.ts'
import type { Fault } from '../support/fault.ts'

const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const BYTES = pattern(100)

async function opened(settings: Partial<FetchSettings>): Promise<Snapshot> {
  const fetch = await startFetch({ bytes: BYTES, ...settings })
  const snapshot = await fetch.open()
  if (snapshot.kind === 'stream') snapshot.reply.drop()
  if (snapshot.kind === 'ranges') snapshot.first.reply.drop()
  return snapshot
}

describe('an opened snapshot', () => {
  it('is in ranges when the reply is a part with a strong ETag', async () => {
    expect(await opened({})).toMatchObject({ kind: 'ranges', etag: '"v1"', total: 100, first: { end: 16 } })
  })

  it.each<[string, Partial<FetchSettings>, Partial<Snapshot>]>([
    ['it fits the first part', { chunkBytes: 100 }, { etag: '"v1"', total: 100 }],
    [
      'it fits the first part, and has no ETag',
      { chunkBytes: 100, etag: null },
      { etag: undefined, total: 100 },
    ],
    ['the range is ignored', { fault: () => ({ ignoreRange: true }) }, { etag: '"v1"', total: 100 }],
    [
      'it is generated while it is sent',
      { etag: null, fault: () => ({ ignoreRange: true, chunked: true }) },
      { etag: undefined, total: undefined },
    ],
    ['it has no ETag', { etag: null }, { etag: undefined, total: 100 }],
    ['its ETag is weak', { etag: 'W/"v1"' }, { etag: undefined, total: 100 }],
    ['one request at a time is allowed', { concurrency: 1 }, { etag: '"v1"', total: 100 }],
  ])('is one stream when %s', async (_, settings, facts) => {
    expect(await opened(settings)).toMatchObject({ kind: 'stream', ...facts })
  })

  it.each([
    ['416', {}],
    ['200 without a byte', { fault: () => ({ ignoreRange: true as const }) }],
  ])('is nothing when an empty object answers %s', async (_, settings) => {
    const { read } = await startFetch({ bytes: Buffer.alloc(0), ...settings })
    expect(await read()).toHaveLength(0)
  })

  it('has the commit that the server tells, of either hash', async () => {
    const of = (commit: string) => opened({ headers: { 'x-cachew-snapshot-commit': commit } })
    expect((await of(COMMIT)).commit).toBe(COMMIT)
    expect((await of('a'.repeat(64))).commit).toBe('a'.repeat(64))
    expect((await of('')).commit).toBeUndefined()
    expect((await opened({})).commit).toBeUndefined()
  })

  it('has the place where it was found after redirects, where further requests go', async () => {
    const { open, read, server } = await startFetch({
      bytes: BYTES,
      fault: ({ path }) => (path === '/object' ? { redirect: '/elsewhere?sig=2' } : undefined),
    })
    const snapshot = await open()
    expect(snapshot.url.href).toBe(`${server.url}/elsewhere?sig=2`)
    if (snapshot.kind === 'ranges') snapshot.first.reply.drop()
    server.log.length = 0
    expect(await read()).toEqual(BYTES)
    expect(server.log.map(({ path }) => path)).toEqual(['/object', ...Array(7).fill('/elsewhere')])
  })

  it('takes a part whose ETag has no quotes, byte for byte', async () => {
    expect(await opened({ etag: 'b5ae' })).toMatchObject({ kind: 'ranges', etag: 'b5ae' })
  })

  it('takes Content-Encoding identity for what it is', async () => {
    expect(await opened({ headers: { 'content-encoding': 'identity' } })).toMatchObject({ kind: 'ranges' })
  })

  it('takes blanks after a header for no part of its value', async () => {
    const commit = 'c'.repeat(40)
    const headers = { 'content-encoding': 'identity ', 'x-cachew-snapshot-commit': `${commit}\t ` }
    expect(await opened({ headers })).toMatchObject({ kind: 'ranges', commit })
  })
})

describe('opening is refused, and nothing is left open, when', () => {
  it.each<[string, Fault, ErrorCode, string]>([
    ['it is not there', { status: 404 }, 'NOT_FOUND', 'answered 404'],
    ['it is gone', { status: 410 }, 'NOT_FOUND', 'answered 410'],
    ['access is denied', { status: 401 }, 'ACCESS_DENIED', 'check the input authorization'],
    ['access is forbidden', { status: 403 }, 'ACCESS_DENIED', 'answered 403'],
    ['there is no content', { status: 204 }, 'PROTOCOL_ERROR', 'answered 204'],
    ['nothing was modified', { status: 304 }, 'PROTOCOL_ERROR', 'answered 304'],
    ['there are several', { status: 300 }, 'PROTOCOL_ERROR', 'answered 300'],
    ['the server cannot', { status: 501 }, 'SERVER_ERROR', 'answered 501'],
    ['a part has no Content-Range', { contentRange: null }, 'PROTOCOL_ERROR', 'Content-Range missing'],
    [
      'a part has two',
      { contentRange: ['bytes 0-15/100', 'bytes 0-15/100'] },
      'PROTOCOL_ERROR',
      '2 content-range',
    ],
    ['a part is not of bytes', { contentRange: 'items 0-15/100' }, 'PROTOCOL_ERROR', 'not one valid range'],
    [
      'a part ends before it begins',
      { contentRange: 'bytes 5-0/100' },
      'PROTOCOL_ERROR',
      'not one valid range',
    ],
    [
      'a part goes beyond the end',
      { contentRange: 'bytes 0-15/10' },
      'PROTOCOL_ERROR',
      'not one valid range',
    ],
    [
      'a part is larger than asked',
      { contentRange: 'bytes 0-16/100' },
      'PROTOCOL_ERROR',
      'more than was asked',
    ],
    ['a part contradicts its length', { overlong: 1 }, 'PROTOCOL_ERROR', 'contradict each other'],
    ['a part is encoded', { headers: { 'content-encoding': 'gzip' } }, 'PROTOCOL_ERROR', 'gzip'],
    [
      'the whole is encoded',
      { ignoreRange: true, headers: { 'content-encoding': 'zstd' } },
      'PROTOCOL_ERROR',
      'zstd',
    ],
    [
      'the commit is none',
      { headers: { 'x-cachew-snapshot-commit': 'main' } },
      'PROTOCOL_ERROR',
      'no commit',
    ],
    ['the ETag is too long', { etag: `"${'x'.repeat(2000)}"` }, 'PROTOCOL_ERROR', 'no ETag'],
    ['it is a redirect to a file', { redirect: 'file:///etc/passwd' }, 'BAD_REDIRECT', 'file:'],
  ])('%s', async (_, fault, code, what) => {
    const open = async (concurrency: number, faultOfAll: Fault) => {
      const fetch = await startFetch({ bytes: BYTES, concurrency, fault: () => faultOfAll })
      const failure = await failureOf(fetch.open())
      expect(failure.text).toContain(`${fetch.server.url}/object`)
      await fetch.server.until(() => fetch.server.active() === 0)
      expect(fetch.server.log).toHaveLength(1)
      return failure
    }
    const failure = await open(2, { ...fault, pause: { after: 0, until: never } })
    expect(failure.code).toBe(code)
    expect(failure.text).toContain(what)
  })

  it.each<[string, Fault]>([
    ['it is not there', { status: 404, body: 'gone' }],
    ['it is encoded', { headers: { 'content-encoding': 'gzip' } }],
    ['it is a part, though none was asked for', { status: 206, body: 'a part' }],
    ['its commit is none', { headers: { 'x-cachew-snapshot-commit': 'main' } }],
  ])('one body is asked for, and %s', async (_, fault) => {
    const held = { ...fault, pause: { after: 0, until: never } }
    const alone = await startFetch({ bytes: BYTES, concurrency: 1, fault: () => held })
    await failureOf(alone.open())
    await alone.server.until(() => alone.server.active() === 0)

    const second = await startFetch({
      bytes: BYTES,
      etag: null,
      fault: ({ index }) => (index === 0 ? { pause: { after: 3, until: never } } : held),
    })
    await failureOf(second.open())
    await second.server.until(() => second.server.active() === 0)
    expect(rangesOf(second.server)).toEqual(['bytes=0-15', undefined])
  })

  it('a range cannot be satisfied, nor the whole be had', async () => {
    const { open, server } = await startFetch({ bytes: BYTES, fault: () => ({ status: 416 }) })
    expect(await failureOf(open())).toMatchObject({ code: 'PROTOCOL_ERROR' })
    expect(rangesOf(server)).toEqual(['bytes=0-15', undefined])
  })
})

describe('opening is tried again', () => {
  it.each<[string, Fault]>([
    ['a reset', { drop: 'reset' }],
    ['an end of the connection', { drop: 'fin' }],
    ['status 503', { status: 503 }],
    ['status 429 with a wait', { status: 429, headers: { 'retry-after': '2' } }],
    ['a part from elsewhere', { contentRange: 'bytes 5-20/100' }],
  ])('after %s', async (_, fault) => {
    const { open, read, server, retried } = await startFetch({
      bytes: BYTES,
      fault: ({ index }) => (index < 2 ? fault : undefined),
    })
    const snapshot = await open()
    expect(retried).toHaveLength(2)
    expect(snapshot.kind).toBe('ranges')
    if (snapshot.kind === 'ranges') snapshot.first.reply.drop()
    expect(await read()).toEqual(BYTES)
    expect(rangesOf(server).slice(0, 3)).toEqual(['bytes=0-15', 'bytes=0-15', 'bytes=0-15'])
  })

  it('until the attempts are used up, and says how many', async () => {
    const { open, server } = await startFetch({ bytes: BYTES, retries: 3, fault: () => ({ status: 502 }) })
    const { code, text } = await failureOf(open())
    expect(code).toBe('SERVER_ERROR')
    expect(text).toContain('gave up after 4 attempts')
    expect(server.log).toHaveLength(4)
  })

  it('at most four times for a part from elsewhere', async () => {
    const { open, server } = await startFetch({
      bytes: BYTES,
      retries: 9,
      fault: () => ({ contentRange: 'bytes 5-20/100' }),
    })
    const { text } = await failureOf(open())
    expect(text).toContain('when asked for the first bytes')
    expect(server.log).toHaveLength(5)
  })
})
