import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { deferred } from '../support/deferred.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { CHUNK, nothingMoves, pattern, rangesOf, roundTrips, startFetch } from './fixture.ts'
import { Observer } from './observer.ts'
import { Reader } from './reader.ts'

const RING = 4 * CHUNK
const RING_RANGES = ['bytes=0-15', 'bytes=16-31', 'bytes=32-47', 'bytes=48-63']

describe('a download asks for nothing beyond two chunks per connection', () => {
  const bytes = pattern(20 * CHUNK)

  it('while the consumer sleeps', async () => {
    const fetch = await startFetch({ bytes })
    const reader = new Reader(await fetch.stream())
    const first = await reader.take(1)
    await nothingMoves(fetch)
    const asked = rangesOf(fetch.server)
    expect(asked).toEqual(RING_RANGES.slice(0, asked.length))
    expect(Buffer.concat([first, await reader.rest()])).toEqual(bytes)
  })

  it('while the consumer reads on and releases nothing', async () => {
    const fetch = await startFetch({ bytes })
    const reader = new Reader(await fetch.stream(), { holdsBack: true })
    const reading = reader.rest()
    await nothingMoves(fetch)
    const asked = rangesOf(fetch.server)
    expect(asked).toEqual(RING_RANGES.slice(0, asked.length))
    expect(reader.received).toBe(asked.length * CHUNK)
    reader.holdBackNoMore()
    expect(await reading).toEqual(bytes)
  })

  it('while the first chunk is slow and all others are fast', async () => {
    const rest = deferred()
    const fault: FaultScript = ({ start }) =>
      start === 0 ? { pause: { after: 3, until: rest.promise } } : undefined
    const fetch = await startFetch({ bytes, fault })
    const reading = new Reader(await fetch.stream()).rest()
    await fetch.server.until(() => fetch.server.log.some(({ state }) => state === 'complete'))
    await roundTrips(fetch)
    const asked = rangesOf(fetch.server)
    expect(asked).toEqual(RING_RANGES.slice(0, asked.length))
    rest.resolve()
    expect(await reading).toEqual(bytes)
  })

  it('while a later chunk is slow and all others are fast', async () => {
    const rest = deferred()
    const fault: FaultScript = ({ start }) =>
      start === CHUNK ? { pause: { after: 3, until: rest.promise } } : undefined
    const fetch = await startFetch({ bytes, fault })
    const reading = new Reader(await fetch.stream()).rest()
    await fetch.server.until(() => fetch.server.log.length > 2)
    await roundTrips(fetch)
    const asked = rangesOf(fetch.server)
    expect(asked).toEqual([...RING_RANGES, 'bytes=64-79'].slice(0, asked.length))
    rest.resolve()
    expect(await reading).toEqual(bytes)
  })

  it('also where chunks are smaller than they may be', async () => {
    const MiB = 2 ** 20
    const fetch = await startFetch({ bytes: Buffer.alloc(25 * MiB), chunkBytes: 8 * MiB })
    const reader = new Reader(await fetch.stream(), { holdsBack: true })
    const reading = reader.rest()
    await nothingMoves(fetch)
    expect(rangesOf(fetch.server)).toContain(`bytes=${8 * MiB}-${12.25 * MiB - 1}`)
    expect(fetch.server.log.length).toBeLessThanOrEqual(4)
    reader.holdBackNoMore()
    expect(await reading).toHaveLength(25 * MiB)
  })
})

describe('a download', () => {
  it('has as many requests in flight as connections, no more and no fewer', async () => {
    const all = deferred()
    const bytes = pattern(20 * CHUNK)
    const fetch = await startFetch({
      bytes,
      concurrency: 3,
      fault: ({ start }) => (start === 0 ? undefined : { pause: { after: 1, until: all.promise } }),
    })
    const reading = fetch.read()
    await fetch.server.until(() => fetch.server.active() === 3)
    await roundTrips(fetch)
    expect(fetch.server.log).toHaveLength(4)
    const inFlight = fetch.server.maxActive()
    all.resolve()
    expect(await reading).toEqual(bytes)
    expect(inFlight).toBe(4) // with the one that came to see
  })

  it('never has more, seen from the client, and asks for nothing too far ahead of what is released', async () => {
    let reader: Reader | undefined
    const observer = new Observer(({ asked }) => {
      expect(asked.at(-1)?.end).toBeLessThanOrEqual((reader?.received ?? 0) + RING)
    })
    const fetch = await startFetch({ bytes: pattern(33 * CHUNK), observe: observer.observe })
    reader = new Reader(await fetch.stream())
    await reader.rest()
    expect(observer.maxActive).toBe(2)
    expect(observer.active).toBe(0)
  })

  it.each([1, 2, 3, 4, 8, 16])(
    'goes on for a consumer that holds back what it may, at a concurrency of %i',
    async (concurrency) => {
      const bytes = pattern(70 * CHUNK + 3)
      const { stream } = await startFetch({ bytes, concurrency })
      const source = await stream()
      const pieces: Uint8Array[] = []
      let received = 0
      for await (const piece of source) {
        pieces.push(new Uint8Array(piece))
        received += piece.length
        if (received > source.holdBytes) source.release(received - source.holdBytes)
      }
      expect(Buffer.concat(pieces)).toEqual(bytes)
    },
  )
})

describe('one body', () => {
  it.each([
    ['of unknown length', { chunked: true, ignoreRange: true }],
    ['of known length', { ignoreRange: true }],
  ] as const)(
    '%s waits with the server while the ring is full, and its every byte is right',
    async (_, fault) => {
      const bytes = randomBytes(3 * 2 ** 20)
      const fetch = await startFetch({ bytes, chunkBytes: 16 * 1024, fault: () => fault })
      const reader = new Reader(await fetch.stream(), { holdsBack: true })
      const first = await reader.take(1)
      await roundTrips(fetch, 20)
      expect(fetch.client.traffic.bytes).toBeLessThan(2 ** 20)
      reader.holdBackNoMore()
      expect(sha256(Buffer.concat([first, await reader.rest()]))).toBe(sha256(bytes))
    },
  )
})

describe('one body whose connection breaks while the ring is full', () => {
  it('waits with the server on the next connection too', async () => {
    const bytes = randomBytes(8 * 2 ** 20)
    const broken = deferred()
    const fault: FaultScript = ({ index }) =>
      index === 0 ? { pause: { after: 100_000, until: broken.promise }, resetAfter: 100_000 } : undefined
    const fetch = await startFetch({ bytes, concurrency: 1, chunkBytes: 16 * 1024, fault })
    const reader = new Reader(await fetch.stream(), { holdsBack: true })
    const first = await reader.take(1)
    broken.resolve()
    await fetch.server.until(() => fetch.server.log.length === 2)
    await roundTrips(fetch, 20)
    expect(fetch.client.traffic.bytes).toBeLessThan(2 * 2 ** 20)
    reader.holdBackNoMore()
    expect(sha256(Buffer.concat([first, await reader.rest()]))).toBe(sha256(bytes))
  })

  it('leaves no timer for the connection that broke', async () => {
    const timers = activeTimers()
    const bytes = pattern(10_000)
    const [broken, goesOn] = [deferred(), deferred()]
    const fault: FaultScript = ({ index }) =>
      index === 0
        ? { pause: { after: 5000, until: broken.promise }, resetAfter: 5000 }
        : { hold: goesOn.promise }
    const fetch = await startFetch({ bytes, concurrency: 1, fault })
    const reader = new Reader(await fetch.stream(), { holdsBack: true })
    const first = await reader.take(1)
    broken.resolve()
    await fetch.server.until(() => fetch.server.log.length === 2)
    reader.holdBackNoMore()
    const rest = reader.rest()
    goesOn.resolve()
    expect(Buffer.concat([first, await rest])).toEqual(bytes)
    expect(activeTimers()).toBeLessThanOrEqual(timers)
  })
})

function activeTimers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
