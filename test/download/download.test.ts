import { describe, expect, it } from 'vitest'
import { deferred } from '../support/deferred.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { CHUNK, pattern, rangesOf, startFetch } from './fixture.ts'
import { Reader } from './reader.ts'

describe('a download', () => {
  it.each([1, 15, 16, 17, 31, 32, 33, 48, 159, 160, 161, 1000])(
    'brings all %i bytes in order',
    async (size) => {
      const bytes = pattern(size)
      const { read } = await startFetch({ bytes })
      expect(await read()).toEqual(bytes)
    },
  )

  it('asks for each range once, pinned to the first reply from the second on', async () => {
    const { read, server } = await startFetch({ bytes: pattern(90) })
    await read()
    expect(server.log.map(({ range, ifMatch }) => [range, ifMatch])).toEqual([
      ['bytes=0-15', undefined],
      ['bytes=16-31', '"v1"'],
      ['bytes=32-47', '"v1"'],
      ['bytes=48-63', '"v1"'],
      ['bytes=64-79', '"v1"'],
      ['bytes=80-89', '"v1"'],
    ])
  })

  it('announces nothing and asks nothing more when the object fits the first chunk', async () => {
    const bytes = pattern(CHUNK)
    const { read, server } = await startFetch({ bytes })
    expect(await read()).toEqual(bytes)
    expect(rangesOf(server)).toEqual(['bytes=0-15'])
  })

  it('is one plain GET for a concurrency of 1', async () => {
    const bytes = pattern(200)
    const { read, server } = await startFetch({ bytes, concurrency: 1 })
    expect(await read()).toEqual(bytes)
    expect(server.log.map(({ range, ifMatch }) => [range, ifMatch])).toEqual([[undefined, undefined]])
  })

  it('puts chunks in order that arrive in the reverse order', async () => {
    const bytes = pattern(8 * CHUNK)
    const [first, second] = [deferred(), deferred()]
    const fault: FaultScript = ({ start }) => {
      if (start === CHUNK) return { hold: first.promise }
      if (start === 2 * CHUNK) return { hold: second.promise }
      return undefined
    }
    const { stream, server } = await startFetch({ bytes, concurrency: 3, fault })
    const reading = new Reader(await stream()).rest()
    await server.until(() =>
      server.log.some(({ range, state }) => range === 'bytes=48-63' && state !== 'open'),
    )
    second.resolve()
    await server.until(() =>
      server.log.some(({ range, state }) => range === 'bytes=32-47' && state !== 'open'),
    )
    first.resolve()
    expect(await reading).toEqual(bytes)
  })

  it('hands on the bytes of the first chunk while the server still holds the rest of it', async () => {
    const bytes = pattern(4 * CHUNK)
    const rest = deferred()
    const fault: FaultScript = ({ start }) =>
      start === 0 ? { pause: { after: 5, until: rest.promise } } : undefined
    const { stream } = await startFetch({ bytes, fault })
    const reader = new Reader(await stream())
    expect(await reader.take(5)).toEqual(bytes.subarray(0, 5))
    rest.resolve()
    expect(await reader.rest()).toEqual(bytes.subarray(5))
  })

  it('hands on the bytes of a later chunk as they come once its turn has come', async () => {
    const bytes = pattern(4 * CHUNK)
    const rest = deferred()
    const fault: FaultScript = ({ start }) =>
      start === CHUNK ? { pause: { after: 1, until: rest.promise } } : undefined
    const { stream } = await startFetch({ bytes, fault })
    const reader = new Reader(await stream())
    expect(await reader.take(17)).toEqual(bytes.subarray(0, 17))
    rest.resolve()
    expect(await reader.rest()).toEqual(bytes.subarray(17))
  })

  it.each([
    ['of ranges', 2],
    ['as one body', 1],
  ])('of an empty object is an empty stream, asked for %s', async (_, concurrency) => {
    const { read, server } = await startFetch({ bytes: Buffer.alloc(0), concurrency })
    expect(await read()).toEqual(Buffer.alloc(0))
    expect(server.log).toHaveLength(1)
  })

  it('takes what the server gives of the first range, and asks for the rest', async () => {
    const bytes = pattern(40)
    const fault: FaultScript = ({ index }) =>
      index === 0 ? { shortBody: 7, contentRange: 'bytes 0-6/40' } : undefined
    const { read, server } = await startFetch({ bytes, fault })
    expect(await read()).toEqual(bytes)
    expect(rangesOf(server)).toEqual(['bytes=0-15', 'bytes=7-22', 'bytes=23-38', 'bytes=39-39'])
  })

  it('takes an object of a huge announced size in the memory of its window', async () => {
    const fault: FaultScript = () => ({ total: 10 * 2 ** 40 })
    const { stream } = await startFetch({ bytes: pattern(1000), fault })
    const source = await stream()
    expect(source.holdBytes).toBeLessThanOrEqual(4 * CHUNK)
    const reader = new Reader(source)
    expect(await reader.take(CHUNK)).toEqual(pattern(CHUNK))
    await reader.stop()
  })

  it('shares its retries by the number of its chunks', async () => {
    const { read, attemptsAsked } = await startFetch({ bytes: pattern(20 * CHUNK + 1) })
    await read()
    expect(attemptsAsked.map(({ chunks }) => chunks)).toEqual([1, 21])
  })
})

describe('an object that cannot be had in ranges', () => {
  it.each<[string, Parameters<typeof startFetch>[0], (string | undefined)[]]>([
    ['the server ignores the range', { fault: () => ({ ignoreRange: true }) }, ['bytes=0-15']],
    [
      'the server ignores the range and announces no length',
      { fault: () => ({ ignoreRange: true, chunked: true }) },
      ['bytes=0-15'],
    ],
    ['there is no ETag', { etag: null }, ['bytes=0-15', undefined]],
    ['the ETag is weak', { etag: 'W/"v1"' }, ['bytes=0-15', undefined]],
    ['the ETag is empty', { etag: '""' }, ['bytes=0-15', undefined]],
    [
      'the first range cannot be satisfied, though the object has bytes',
      { fault: ({ index }) => (index === 0 ? { status: 416 } : undefined) },
      ['bytes=0-15', undefined],
    ],
  ])('comes as one body, without a pin, when %s', async (_, settings, ranges) => {
    const bytes = pattern(200)
    const { read, server } = await startFetch({ bytes, ...settings })
    expect(await read()).toEqual(bytes)
    expect(rangesOf(server)).toEqual(ranges)
    expect(server.log.every(({ ifMatch }) => ifMatch === undefined)).toBe(true)
  })

  it('needs no second request without an ETag when it fits the first chunk', async () => {
    const bytes = pattern(10)
    const { read, server } = await startFetch({ bytes, etag: null })
    expect(await read()).toEqual(bytes)
    expect(server.log).toHaveLength(1)
  })

  it('is the one of the second reply when it changes between two replies without an ETag', async () => {
    const changed = Buffer.alloc(300, 'new')
    const fault: FaultScript = ({ index }) => {
      if (index === 0) replace()
      return undefined
    }
    const fetch = await startFetch({ bytes: pattern(200), etag: null, fault })
    const replace = (): void => {
      setImmediate(() => fetch.server.replace(changed, 'W/"v2"'))
    }
    expect(await fetch.read()).toEqual(changed)
  })

  it('may have an ETag without quotes, which is a pin byte for byte', async () => {
    const bytes = pattern(40)
    const { read, server } = await startFetch({ bytes, etag: 'b5ae' })
    expect(await read()).toEqual(bytes)
    expect(server.log.map(({ ifMatch }) => ifMatch)).toEqual([undefined, 'b5ae', 'b5ae'])
  })
})
