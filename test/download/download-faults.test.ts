import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import { deferred } from '../support/deferred.ts'
import type { Fault } from '../support/fault.ts'
import type { FaultRequest, FaultScript } from '../support/scripted-server.ts'
import { CHUNK, failureOf, pattern, Reader, rangesOf, startFetch } from './fixture.ts'

const SIZE = 6 * CHUNK + 5
const BYTES = pattern(SIZE)
/** A chunk of the middle, and the very last one. */
const MIDDLE = 2 * CHUNK
const LAST = 6 * CHUNK
const MANY = Number.POSITIVE_INFINITY

/** A fault of one chunk, for so many of its requests. */
function at(place: number, fault: Fault | ((request: FaultRequest) => Fault), times = 1): FaultScript {
  let left = times
  return (request) => {
    if (request.start !== place || left === 0) return undefined
    left -= 1
    return typeof fault === 'function' ? fault(request) : fault
  }
}

describe('a chunk is asked for again, and the bytes are right, after', () => {
  const cases: [string, Fault][] = [
    ['a reset before the answer', { drop: 'reset' }],
    ['a reset right after the head', { resetAfter: 0 }],
    ['a reset in the body', { resetAfter: 3 }],
    ['an end of the connection in the body', { finAfter: 3 }],
    ['an end in the body of a reply without a length', { finAfter: 3, chunked: true }],
    ['a body that is too short for its Content-Range', { shortBody: 2 }],
    ['a body that is too short and of no announced length', { shortBody: 2, chunked: true }],
    ['a range that is shorter than the one asked for', { shortBody: 2, contentRange: 'shorter' }],
    ['another range', { contentRange: `bytes 0-4/${SIZE}` }],
    ['a range that begins one byte early', { contentRange: 'early' }],
    ['a Content-Range that is missing', { contentRange: null }],
    ['a Content-Range that is none', { contentRange: 'items 0-9/10' }],
    ['a whole object instead of the range', { ignoreRange: true }],
    ['an ETag that is missing', { etag: null }],
    ['an ETag that is weak', { etag: 'W/"v1"' }],
    ['a Content-Length that contradicts the Content-Range', { overlong: 4 }],
    ['status 408', { status: 408 }],
    ['status 429', { status: 429 }],
    ['status 500', { status: 500 }],
    ['status 502 with a page', { status: 502, body: '<html>Bad gateway</html>' }],
    ['status 503', { status: 503 }],
    ['status 524', { status: 524 }],
  ]

  it.each(cases.flatMap(([what, fault]) => [MIDDLE, LAST].map((place) => [what, place, fault] as const)))(
    '%s (at byte %i)',
    async (_, place, fault) => {
      const script = at(place, (request) => ({ ...fault, ...contentRange(fault, request) }))
      const { read, retried, server } = await startFetch({ bytes: BYTES, fault: script })
      expect(await read()).toEqual(BYTES)
      expect(retried).toHaveLength(1)
      expect(server.log.slice(1).every(({ ifMatch }) => ifMatch === '"v1"')).toBe(true)
    },
  )

  function contentRange({ contentRange }: Fault, { start }: FaultRequest): Fault {
    if (contentRange === 'shorter') return { contentRange: `bytes ${start}-${start + 1}/${SIZE}` }
    if (contentRange === 'early')
      return { contentRange: `bytes ${start - 1}-${start + 14}/${SIZE}`, chunked: true }
    return {}
  }

  it('too many bytes without a length, as long as nobody has them', async () => {
    const rest = deferred()
    const [fault, slow] = [at(MIDDLE, { overlong: 4, chunked: true }), at(CHUNK, { hold: rest.promise })]
    const { stream, retried, server } = await startFetch({
      bytes: BYTES,
      fault: (request) => fault(request) ?? slow(request),
    })
    const reading = new Reader(await stream()).rest()
    await server.until(() => rangesOf(server).filter((range) => range === 'bytes=32-47').length === 2)
    rest.resolve()
    expect(await reading).toEqual(BYTES)
    expect(retried).toHaveLength(1)
  })

  it('a reply without a length whose end never comes, though all its bytes have', async () => {
    const { read, server } = await startFetch({
      bytes: BYTES,
      fault: at(MIDDLE, { finAfter: CHUNK, chunked: true }),
    })
    expect(await read()).toEqual(BYTES)
    expect(rangesOf(server).filter((range) => range === 'bytes=32-47')).toHaveLength(1)
  })
})

describe('a chunk that broke goes on', () => {
  it.each([0, 1, 8, 15])('at the byte where it broke: %i', async (got) => {
    const there = deferred()
    const script = at(CHUNK, { pause: { after: got, until: there.promise }, resetAfter: got })
    const { stream, server } = await startFetch({ bytes: BYTES, fault: script })
    const reader = new Reader(await stream())
    const before = await reader.take(CHUNK + got)
    there.resolve()
    expect(Buffer.concat([before, await reader.rest()])).toEqual(BYTES)
    expect(rangesOf(server)).toContain(`bytes=${CHUNK + got}-31`)
  })

  it.each([1, 8, 15])('also where it is the first reply that broke, at byte %i', async (got) => {
    const { read, server } = await startFetch({ bytes: BYTES, fault: at(0, { finAfter: got }) })
    expect(await read()).toEqual(BYTES)
    expect(server.log.map(({ range, ifMatch }) => [range, ifMatch])).toContainEqual([
      `bytes=${got}-15`,
      '"v1"',
    ])
  })

  it('as often as it breaks, in ever smaller ranges', async () => {
    const fault: FaultScript = ({ start }) =>
      start >= MIDDLE && start < MIDDLE + 3 ? { finAfter: 1 } : undefined
    const { read, server } = await startFetch({ bytes: BYTES, fault })
    expect(await read()).toEqual(BYTES)
    expect(rangesOf(server)).toEqual(
      expect.arrayContaining(['bytes=32-47', 'bytes=33-47', 'bytes=34-47', 'bytes=35-47']),
    )
  })

  it('and is refused when what comes then is the whole object every time', async () => {
    const [broken, whole] = [at(MIDDLE, { finAfter: 3 }), at(MIDDLE + 3, { ignoreRange: true }, MANY)]
    const { read, server } = await startFetch({
      bytes: BYTES,
      fault: (request) => broken(request) ?? whole(request),
    })
    expect(await failureOf(read())).toMatchObject({ code: 'PROTOCOL_ERROR' })
    expect(rangesOf(server).filter((range) => range === 'bytes=35-47')).toHaveLength(4)
  })
})

describe('one body', () => {
  const WHOLE = { bytes: BYTES, concurrency: 1 }

  it.each<[string, Fault, string]>([
    ['of known length', {}, `bytes=40-${SIZE - 1}`],
    ['of unknown length', { chunked: true }, 'bytes=40-'],
  ])('%s goes on where it broke, given a strong ETag', async (_, how, range) => {
    const fault: FaultScript = ({ index }) => (index === 0 ? { ...how, finAfter: 40 } : undefined)
    const { read, server } = await startFetch({ ...WHOLE, fault })
    expect(await read()).toEqual(BYTES)
    expect(server.log.map(({ range, ifMatch }) => [range, ifMatch])).toEqual([
      [undefined, undefined],
      [range, '"v1"'],
    ])
  })

  it('of unknown length is complete when it broke after its last byte', async () => {
    const fault: FaultScript = ({ index }) => (index === 0 ? { chunked: true, finAfter: SIZE } : undefined)
    const { read, server } = await startFetch({ ...WHOLE, fault })
    expect(await read()).toEqual(BYTES)
    expect(rangesOf(server)).toEqual([undefined, `bytes=${SIZE}-`])
  })

  it.each([
    ['is of another ETag', { etag: '"v2"' }],
    ['is larger', { contentRange: 'bytes */102' }],
  ])('of unknown length has changed when what lies beyond its last byte %s', async (_, changed) => {
    const fault: FaultScript = ({ index }) => (index === 0 ? { chunked: true, finAfter: SIZE } : changed)
    const { read } = await startFetch({ ...WHOLE, fault })
    expect(await failureOf(read())).toMatchObject({ code: 'SNAPSHOT_CHANGED' })
  })

  it.each<[string, Fault]>([
    ['of known length', {}],
    ['of unknown length', { chunked: true }],
  ])('%s is an error when it breaks without a strong ETag', async (_, how) => {
    const fault: FaultScript = () => ({ ...how, finAfter: 40 })
    const { read, server } = await startFetch({ ...WHOLE, etag: null, fault })
    const { text } = await failureOf(read())
    expect(text).toContain('without a strong ETag it cannot be resumed')
    expect(text).toContain(`${server.url}/object`)
    expect(server.log).toHaveLength(1)
  })

  it('is not mixed up by a break, and a reply of too many bytes, while the ring is full', async () => {
    const bytes = pattern(5000)
    const tooMany = {
      status: 206,
      body: Buffer.concat([bytes.subarray(2000), Buffer.alloc(4)]),
      headers: { etag: '"v1"', 'content-range': 'bytes 2000-4999/5000' },
      chunked: true,
    } as const
    const broken = deferred()
    const fault: FaultScript = ({ index }) => {
      if (index === 1) return tooMany
      return index === 0
        ? { chunked: true, pause: { after: 2000, until: broken.promise }, resetAfter: 2000 }
        : undefined
    }
    const { stream, server, retried } = await startFetch({ ...WHOLE, bytes, fault })
    const reader = new Reader(await stream(), { holdsBack: true })
    const first = await reader.take(1)
    broken.resolve()
    await server.until(() => server.log.length === 3)
    reader.holdBackNoMore()
    expect(Buffer.concat([first, await reader.rest()])).toEqual(bytes)
    expect(retried).toHaveLength(2)
    expect(rangesOf(server)).toEqual([undefined, 'bytes=2000-', 'bytes=2000-4999'])
  })
})

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
    const { read, server, retried } = await startFetch({ bytes: BYTES, fault: at(place, fault, MANY) })
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
    const { read, server } = await startFetch({ bytes: BYTES, fault: at(MIDDLE, fault, MANY) })
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
    const fault = at(MIDDLE, { overlong: 'whole', chunked: true }, MANY)
    const slow = at(CHUNK, { hold: new Promise(() => {}) }, MANY)
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
    const fault = at(CHUNK, {
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
    const fault = at(MIDDLE, { status: 503, headers: { 'retry-after': '7' } })
    const short = await startFetch({ bytes: BYTES, fault })
    expect(await short.read()).toEqual(BYTES)
    expect(short.delays).toEqual([7000])

    const long = await startFetch({
      bytes: BYTES,
      fault: at(MIDDLE, { status: 429, headers: { 'retry-after': '3600' } }, MANY),
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
      return start === 3 * CHUNK ? { status: 404 } : { pause: { after: 1, until: new Promise(() => {}) } }
    }
    const { read, server } = await startFetch({ bytes: BYTES, concurrency: 3, fault })
    expect(await failureOf(read())).toMatchObject({ code: 'SNAPSHOT_CHANGED' })
    await server.until(() => server.active() === 0)
    expect(server.log.filter(({ state }) => state === 'aborted')).toHaveLength(2)
  })
})
