import { describe, expect, it } from 'vitest'
import { deferred } from '../support/deferred.ts'
import type { Fault } from '../support/fault.ts'
import type { FaultRequest, FaultScript } from '../support/scripted-server.ts'
import { BYTES, faultAt, LAST, MANY, MIDDLE, SIZE } from './faulty-chunk.ts'
import { CHUNK, failureOf, pattern, rangesOf, startFetch } from './fixture.ts'
import { Reader } from './reader.ts'

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
      const script = faultAt(place, (request) => ({ ...fault, ...contentRange(fault, request) }))
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
    const [fault, slow] = [
      faultAt(MIDDLE, { overlong: 4, chunked: true }),
      faultAt(CHUNK, { hold: rest.promise }),
    ]
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
      fault: faultAt(MIDDLE, { finAfter: CHUNK, chunked: true }),
    })
    expect(await read()).toEqual(BYTES)
    expect(rangesOf(server).filter((range) => range === 'bytes=32-47')).toHaveLength(1)
  })
})

describe('a chunk that broke goes on', () => {
  it.each([0, 1, 8, 15])('at the byte where it broke: %i', async (got) => {
    const there = deferred()
    const script = faultAt(CHUNK, { pause: { after: got, until: there.promise }, resetAfter: got })
    const { stream, server } = await startFetch({ bytes: BYTES, fault: script })
    const reader = new Reader(await stream())
    const before = await reader.take(CHUNK + got)
    there.resolve()
    expect(Buffer.concat([before, await reader.rest()])).toEqual(BYTES)
    expect(rangesOf(server)).toContain(`bytes=${CHUNK + got}-31`)
  })

  it.each([1, 8, 15])('also where it is the first reply that broke, at byte %i', async (got) => {
    const { read, server } = await startFetch({ bytes: BYTES, fault: faultAt(0, { finAfter: got }) })
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
    const [broken, whole] = [
      faultAt(MIDDLE, { finAfter: 3 }),
      faultAt(MIDDLE + 3, { ignoreRange: true }, MANY),
    ]
    const { read, server } = await startFetch({
      bytes: BYTES,
      fault: (request) => broken(request) ?? whole(request),
    })
    expect(await failureOf(read())).toMatchObject({ code: 'PROTOCOL_ERROR' })
    expect(rangesOf(server).filter((range) => range === 'bytes=35-47')).toHaveLength(4)
  })
})

describe('a server that sends parts of the ranges that it is asked for', () => {
  const KiB = 1024
  const bytes = pattern(100 * KiB)

  const startParts = (partBytes: number, retries: number) =>
    startFetch({
      ...{ bytes, chunkBytes: 40 * KiB, retries },
      fault: ({ start, range = '' }) => {
        const end = Math.min(Number(/\d+$/.exec(range)?.[0]) + 1, start + partBytes)
        return { contentRange: `bytes ${start}-${end - 1}/${bytes.length}`, shortBody: end - start }
      },
    })

  it('is asked for the rest, and no attempt is counted', async () => {
    const { read, retried } = await startParts(16 * KiB, 0)
    expect(await read()).toEqual(bytes)
    expect(retried).toEqual([])
  })

  it('is given up where the parts are so small that there is no end to them', async () => {
    const { read, server } = await startParts(100, 2)
    expect(await failureOf(read())).toMatchObject({ code: 'TRUNCATED' })
    expect(server.log.length).toBeLessThan(10)
  })
})
