import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Bell } from '../../src/bell.ts'
import { Lanes } from '../../src/download/lanes.ts'
import { Patience } from '../../src/source/patience.ts'
import { deferred } from '../support/deferred.ts'
import type { Fault } from '../support/fault.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { type Fetch, type FetchSettings, pattern, startFetch } from './fixture.ts'
import { gate, oneRequestEach } from './gate.ts'
import { Observer } from './observer.ts'
import { complete, fetchAt, KiB, PARALLEL_SHAPES, prefixRead, SHAPES } from './place.ts'

const EIGHT = { concurrency: 8, chunkBytes: 64 * KiB }

/** An answer that takes a while, so that several are on their way at a time. */
const late: FaultScript = () => ({ hold: delay(5) })

describe('a server that takes few connections', () => {
  it.each(
    (['reset', 'close'] as const).flatMap((how) =>
      SHAPES.map(([name, place]) => [how, name, place] as const),
    ),
  )('F101: and answers those beyond 2 by a %s gets no more (%s)', async (how, _, place) => {
    const server = gate(2, how)
    const fetch = await fetchAt(place, { through: server.through, budget: 10 })
    expect(await prefixRead(place, fetch)).toEqual(complete(place))
    expect(server.turnedAway > 0).toBe(place.concurrency > 2)
  })

  it.each(SHAPES)('F101: and none at first, refused, gets fewer (%s)', async (_, place) => {
    const server = gate(8, 'reset')
    const fetch = await fetchAt(place, {
      through: server.through,
      fault: ({ index }) => (index < 2 * place.concurrency && index > 0 ? { drop: 'reset' } : undefined),
    })
    expect(await prefixRead(place, fetch)).toEqual(complete(place))
  })
})

describe('a server that has no room for many requests', () => {
  const MOST = 4
  const refusals: [string, Fault][] = [
    ['503', { status: 503 }],
    ['429', { status: 429 }],
    ['429, to be asked again at once', { status: 429, headers: { 'retry-after': '0' } }],
    ['a reset', { drop: 'reset' }],
  ]

  it.each(
    refusals.flatMap(([how, fault]) =>
      PARALLEL_SHAPES.map(([name, place]) => [how, name, place, fault] as const),
    ),
  )('F102: and answers those beyond half by %s gets no more (%s)', async (_how, _, place, fault) => {
    const most = place.concurrency / 2
    const fetch = await fetchAt(place, {
      budget: 10,
      fault: (request) => (isBeyond(most, fetch) ? fault : late(request)),
    })
    expect(await prefixRead(place, fetch)).toEqual(complete(place))
  })

  it('F102: gets half as many, then one more for each round that it answers, and half again', async () => {
    const watched = await watch({
      bytes: pattern(80 * 64 * KiB),
      fault: (request) => (isBeyond(MOST, watched.fetch) ? { status: 503 } : late(request)),
    })
    expect(await watched.read()).toBe(true)
    // After the first nine, around four at a time.
    const after = watched.inFlight.slice(9)
    expect(Math.max(...after)).toBeLessThan(8)
    expect(after.filter((count) => count < MOST).length).toBeGreaterThan(10)
    expect(after.filter((count) => count >= MOST).length).toBeGreaterThan(10)
    expect(after.length).toBeGreaterThan(70)
    const away = watched.fetch.server.log.filter(({ status }) => status === 503).length
    expect(away).toBeLessThan(30)
  })

  it('F102: gets all again, and never more, once it has room', async () => {
    const watched = await watch({
      bytes: pattern(80 * 64 * KiB),
      fault: (request) =>
        request.index < 12 && isBeyond(2, watched.fetch) ? { status: 503 } : late(request),
    })
    expect(await watched.read()).toBe(true)
    expect(Math.max(...watched.inFlight.slice(9, 20))).toBeLessThan(8)
    expect(Math.max(...watched.inFlight.slice(40))).toBe(8)
    expect(Math.max(...watched.inFlight)).toBe(8)
  })

  it('F102: for as long as there is one at a time is an error that says so', async () => {
    const fetch = await startFetch({ ...EIGHT, bytes: pattern(20 * 64 * KiB), fault: ever({ status: 503 }) })
    await expect(fetch.read()).rejects.toMatchObject({
      code: 'SERVER_ERROR',
      message: expect.stringContaining('gave up after 6 attempts'),
    })
    // 8, 4, 2 and 1 at a time, and then one by one.
    expect(fetch.server.log.length).toBeLessThan(60)
  })

  it('F102: and asks for a long wait is an error at once', async () => {
    const fault = ever({ status: 429, headers: { 'retry-after': '3600' } })
    const fetch = await startFetch({ ...EIGHT, bytes: pattern(20 * 64 * KiB), fault })
    await expect(fetch.read()).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: expect.stringContaining('asks to wait 3600 s'),
    })
    expect(fetch.delays).toEqual([])
  })
})

describe('requests that wait for room', () => {
  it('F102: go on their way by their place in the object, the lowest first', async () => {
    const bell = new Bell()
    const lanes = new Lanes(2, { bell, signal: new AbortController().signal })
    const attempts = new Patience(
      { retries: 0, stallMs: 1, timeoutMs: 0, onMiss: 'fail' },
      { signal: new AbortController().signal, log: () => {} },
    ).attemptsFor(1, new AbortController().signal)
    const order: number[] = []
    const ends = [deferred(), deferred()]
    const send = (place: number, end?: Promise<void>): Promise<void> =>
      lanes.run(
        () => place,
        async () => {
          order.push(place)
          await end
        },
        attempts,
      )
    const all = [send(10, ends[0]?.promise), send(20, ends[1]?.promise), send(50), send(30), send(40)]
    ends[1]?.resolve()
    ends[0]?.resolve()
    await Promise.all(all)
    expect(order).toEqual([10, 20, 30, 40, 50])
  })
})

describe('a connection that was closed while it lay idle', () => {
  it.each(PARALLEL_SHAPES)('F103: costs no attempt, and no one hears of it (%s)', async (_, place) => {
    const server = oneRequestEach()
    const fetch = await fetchAt(place, { through: server.through, retries: 0, budget: 0 })
    expect(await prefixRead(place, fetch)).toEqual(complete(place))
    expect(server.turnedAway).toBeGreaterThan(0)
    expect(fetch.retried).toEqual([])
  })

  it('F103: is told from one that is closed before it has brought anything, which counts', async () => {
    const fault: FaultScript = ({ index }) =>
      index === 0 ? { headers: { connection: 'close' } } : { drop: 'fin' }
    const fetch = await startFetch({ bytes: pattern(4 * 64 * KiB), chunkBytes: 64 * KiB, retries: 2, fault })
    await expect(fetch.read()).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('gave up after 3 attempts'),
    })
  })
})

/** Whether the latest request is one more than the server has room for. */
function isBeyond(most: number, { server }: Fetch): boolean {
  return server.active() > most
}

/** Answers all but the first request in this way. */
function ever(fault: Fault): FaultScript {
  return ({ index }) => (index === 0 ? undefined : fault)
}

/** Also tells how many requests were on their way when each was sent. */
async function watch(settings: FetchSettings) {
  const inFlight: number[] = []
  const { observe } = new Observer(({ active }) => inFlight.push(active))
  const fetch = await startFetch({ ...EIGHT, ...settings, observe })
  const read = async (): Promise<boolean> => (await fetch.read()).equals(settings.bytes ?? Buffer.alloc(0))
  return { fetch, inFlight, read }
}
