import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { deferred, never } from '../support/deferred.ts'
import { randomFrom } from '../support/random.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { turns } from '../support/turns.ts'
import { failureOf, roundTrips } from './fixture.ts'
import { Observer } from './observer.ts'
import {
  chunkAt,
  complete,
  fetchAt,
  hit,
  inBody,
  KiB,
  objectFor,
  PARALLEL_SHAPES,
  PLACES,
  type Place,
  prefixRead,
  SHAPES,
} from './place.ts'
import { Reader } from './reader.ts'

const SMALL = PLACES.filter(([, { chunkBytes }]) => chunkBytes === 64 * KiB)

/** Longer than any of these servers is ever silent by chance. */
const STALL_MS = 300

describe('chunks that come in no order', () => {
  it.each(PARALLEL_SHAPES)(
    'F090: chunk 0 is slow and all others are there: no more than the window is asked for (%s)',
    async (_, place) => {
      const rest = deferred()
      const observer = new Observer()
      const fetch = await fetchAt(place, {
        fault: ({ index }) => (index === 0 ? { pause: { after: 1000, until: rest.promise } } : undefined),
        observe: observer.observe,
      })
      const reading = new Reader(await fetch.stream()).rest()
      await fetch.server.until(() => fetch.server.log.filter(({ state }) => state === 'complete').length > 0)
      await roundTrips(fetch, 10)
      const { concurrency, chunkBytes } = place
      const asked = observer.asked.filter(({ end }) => end <= objectFor(place).length)
      expect(Math.max(...asked.map(({ end }) => end))).toBeLessThanOrEqual(2 * concurrency * chunkBytes)
      rest.resolve()
      expect((await reading).equals(objectFor(place))).toBe(true)
      expect(observer.maxActive).toBeLessThanOrEqual(concurrency)
    },
  )

  it.each(PARALLEL_SHAPES.flatMap(([name, place]) => [1, 2, 3].map((seed) => [name, seed, place] as const)))(
    'F091: in a random order (%s, seed %i)',
    async (_, seed, place) => {
      const random = randomFrom(seed)
      const fault: FaultScript = () => ({ hold: turns(Math.floor(random() * 40)) })
      expect(await prefixRead(place, await fetchAt(place, { fault }))).toEqual(complete(place))
    },
  )

  it.each(SHAPES)('F092: every answer late by a time of its own, 0 to 40 ms (%s)', async (_, place) => {
    const random = randomFrom(92)
    const fault: FaultScript = () => ({ hold: delay(random() * 40) })
    expect(await prefixRead(place, await fetchAt(place, { fault }))).toEqual(complete(place))
  })
})

describe('a server that stalls', () => {
  it.each(SMALL)(
    'F093: one body without an end is left, and goes on over another connection (%s)',
    async (_, place) => {
      const { script, starts } = hit(place, 'body', () => ({ stallAfter: inBody(place, 5000) }))
      const fetch = await fetchAt(place, { stallMs: STALL_MS, fault: script })
      expect(await prefixRead(place, fetch)).toEqual(complete(place))
      expect(starts.at(-1)).toBe(chunkAt(place).start + 5000)
      expect(fetch.retried.map(String)).toEqual([expect.stringContaining(`no byte for ${STALL_MS / 1000} s`)])
    },
  )

  it.each(PARALLEL_SHAPES)(
    'F094: every body without an end is an error that says so (%s)',
    async (_, place) => {
      const fault: FaultScript = ({ index }) => (index === 0 ? undefined : { stallAfter: 0 })
      const fetch = await fetchAt(place, { stallMs: STALL_MS / 3, retries: 1, fault })
      const { error } = await prefixRead(place, fetch)
      expect(await failureOf(Promise.reject(error))).toMatchObject({
        code: 'STALLED',
        text: expect.stringMatching(/gave up after 2 attempts: .* stalled at byte \d+: no byte for 0\.1 s/),
      })
    },
  )

  it.each(SMALL.filter(([, { concurrency, chunk }]) => concurrency > 1 || chunk === 'first'))(
    'F095: a body that drips is left, since it brings less than the floor (%s)',
    async (_, place) => {
      const { script, starts } = hit(place, 'body', () => ({ drip: { everyMs: 10 } }))
      const fetch = await fetchAt(place, { stallMs: STALL_MS, floor: 1000, fault: script })
      expect(await prefixRead(place, fetch)).toEqual(complete(place))
      expect(starts.length).toBeGreaterThanOrEqual(2)
      expect(fetch.retried.map(String)).toEqual([expect.stringMatching(/only \d+ bytes in 0\.3 s/)])
    },
  )

  it.each(SMALL)('F096: a head that drips is left when its time is over (%s)', async (_, place) => {
    const raw = `HTTP/1.1 206 Partial Content\r\n${'x-filler: filler\r\n'.repeat(50)}`
    const { script, starts } = hit(place, 'head', () => ({ raw, drip: { everyMs: 20 } }))
    const fetch = await fetchAt(place, { headersTimeoutMs: 200, fault: script })
    expect(await prefixRead(place, fetch)).toEqual(complete(place))
    expect(starts).toHaveLength(2)
    expect(fetch.retried.map((error) => (error as Error).cause)).toContainEqual(
      expect.objectContaining({ code: 'UND_ERR_HEADERS_TIMEOUT' }),
    )
  })

  it.each(PARALLEL_SHAPES)(
    'F097: one connection far slower than the others only takes its time (%s)',
    async (_, place) => {
      const target = { ...place, chunk: 'middle' } as const
      const slow = { everyMs: 2, bytes: place.chunkBytes / 100 }
      const { script } = hit(target, 'body', () => ({ drip: slow }))
      const fetch = await fetchAt(place, { stallMs: STALL_MS, floor: 1024, fault: script })
      expect(await prefixRead(place, fetch)).toEqual(complete(place))
      expect(fetch.retried).toEqual([])
    },
  )
})

describe('a consumer that holds back', () => {
  const LIMIT_MS = 30_000
  afterEach(() => vi.useRealTimers())

  /** Only what watches for stalls goes by this clock. */
  const watchByFakeClock = () => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })

  it.each(SHAPES)('F099: for 10 minutes is not taken for a server that stalls (%s)', async (_, place) => {
    watchByFakeClock()
    const fetch = await fetchAt(place, { stallMs: LIMIT_MS })
    const reader = new Reader(await fetch.stream(), { holdsBack: true })
    const reading = reader.rest()
    await quiet(fetch.client.traffic)
    vi.advanceTimersByTime(600_000)
    reader.holdBackNoMore()
    expect((await reading).equals(objectFor(place))).toBe(true)
    expect(fetch.retried).toEqual([])
  })

  it('F100: does not hide a server that died meanwhile, once it reads on', async () => {
    watchByFakeClock()
    const place: Place = { concurrency: 1, chunkBytes: 64 * KiB, chunk: 'first' }
    // Far more than all buffers on the way hold: the server stalls after what the consumer has room for.
    const bytes = Buffer.alloc(24 * 1024 * KiB, 'held back')
    const fault: FaultScript = ({ index }) => (index === 0 ? { stallAfter: bytes.length - 1 } : undefined)
    const fetch = await fetchAt(place, { bytes, stallMs: LIMIT_MS, fault })
    const reader = new Reader(await fetch.stream(), { holdsBack: true })
    const first = await reader.take(1)
    await quiet(fetch.client.traffic)
    vi.advanceTimersByTime(600_000)
    expect(fetch.retried).toEqual([])
    reader.holdBackNoMore()
    const reading = reader.rest()
    await fetch.server.until(() => (fetch.server.log[0]?.bytesSent ?? 0) >= bytes.length - 1)
    await quiet(fetch.client.traffic)
    vi.advanceTimersByTime(1.25 * LIMIT_MS) // the watch looks six times in its time
    const rest = await reading
    expect(Buffer.concat([first, rest]).equals(bytes)).toBe(true)
    expect(fetch.retried.map(String)).toEqual([expect.stringContaining('no byte for 30 s')])
  })
})

describe('a consumer that fails', () => {
  it.each(SHAPES)('F106: ends every request, once and with its own error (%s)', async (_, place) => {
    const rejections: unknown[] = []
    const note = (reason: unknown): number => rejections.push(reason)
    process.on('unhandledRejection', note)
    const fault: FaultScript = ({ index }) => ({ pause: { after: index === 0 ? 40_000 : 1, until: never } })
    const fetch = await fetchAt(place, { fault })
    const disk = new Error('ENOSPC')
    const consuming = (async () => {
      for await (const _piece of await fetch.stream()) {
        await fetch.server.until(() => fetch.server.active() === place.concurrency)
        throw disk
      }
    })()
    await expect(consuming).rejects.toBe(disk)
    await fetch.server.until(() => fetch.server.active() === 0)
    await turns(5)
    process.off('unhandledRejection', note)
    expect(rejections).toEqual([])
    expect(fetch.retried).toEqual([])
  })
})

/** Resolves when nothing has come for many turns of the event loop. */
async function quiet(traffic: { readonly bytes: number }): Promise<void> {
  for (let still = 0, before = -1; still < 200; still += 1) {
    if (traffic.bytes !== before) still = 0
    before = traffic.bytes
    await turns()
  }
}
