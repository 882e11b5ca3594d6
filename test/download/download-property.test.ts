import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ByteStream } from '../../src/byte-stream.ts'
import { ActionError } from '../../src/errors.ts'
import type { Fault } from '../support/fault.ts'
import type { FaultRequest } from '../support/scripted-server.ts'
import { beginFetch, type Fetch, pattern, turns } from './fixture.ts'
import { type Observed, observed } from './observer.ts'

interface Scenario {
  readonly size: number
  readonly chunkBytes: number
  readonly concurrency: number
  readonly chunked: boolean
  /** For each request in the order of arrival, the turns of the event loop until it is answered. */
  readonly delays: readonly number[]
  /** What goes wrong, and with which request. */
  readonly faults: readonly { readonly request: number; readonly fault: Fault }[]
  /** How many requests at a time the server has room for, and how it turns the others away. */
  readonly room: { readonly most: number; readonly refusal: Fault }
  readonly retries: number
  readonly budget: number
  /** How much of what it may hold back the consumer holds back, and the turns it sleeps after each piece. */
  readonly held: number
  readonly sleeps: readonly number[]
}

const RETRY_NOW = { 'retry-after': '0' }
const place = fc.nat({ max: 70 })

/** What a repeated request may not meet again. */
const passing: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 4, arbitrary: place.map((resetAfter) => ({ resetAfter })) },
  { weight: 3, arbitrary: place.map((finAfter) => ({ finAfter })) },
  { weight: 2, arbitrary: place.map((shortBody) => ({ shortBody })) },
  { weight: 2, arbitrary: fc.constantFrom<Fault>({ drop: 'reset' }, { drop: 'fin' }) },
  { weight: 2, arbitrary: fc.constantFrom(429, 500, 503).map((status) => ({ status, headers: RETRY_NOW })) },
  { weight: 2, arbitrary: fc.constant<Fault>({ ignoreRange: true }) },
  { weight: 1, arbitrary: place.map((after) => ({ stallAfter: after })) },
)
/** What may also be the end. */
const grave: fc.Arbitrary<Fault> = fc.constantFrom<Fault>(
  { etag: null },
  { etag: 'W/"v1"' },
  { etag: '"v2"' },
  { total: 9999 },
  { contentRange: null },
  { contentRange: 'bytes 0-4/99999' },
  { overlong: 3 },
  { overlong: 3, chunked: true },
  { overlong: 'whole' },
  { headers: { 'content-encoding': 'gzip' } },
  { raw: 'SSH-2.0-server\r\n' },
  ...[204, 304, 403, 404, 410, 412, 416, 501].map((status) => ({ status })),
  { status: 429, headers: { 'retry-after': '3600' } },
)

const scenario: fc.Arbitrary<Scenario> = fc.record({
  size: fc.oneof(fc.nat({ max: 700 }), fc.nat({ max: 64 })),
  chunkBytes: fc.integer({ min: 1, max: 64 }),
  concurrency: fc.integer({ min: 1, max: 8 }),
  chunked: fc.boolean(),
  delays: fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 20 }),
  faults: fc.array(
    fc.record({
      request: fc.nat({ max: 20 }),
      fault: fc.oneof({ weight: 6, arbitrary: passing }, { weight: 1, arbitrary: grave }),
    }),
    { maxLength: 6 },
  ),
  room: fc.record({
    most: fc.constantFrom(1, 2, 3, 8, 8, 8),
    refusal: fc.constantFrom<Fault>({ drop: 'reset' }, { drop: 'fin' }, { status: 503 }, { status: 429 }),
  }),
  retries: fc.constantFrom(0, 1, 5, 40, 40),
  budget: fc.constantFrom(3, 10, 1000),
  held: fc.constantFrom(0, 0.5, 1),
  sleeps: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 10 }),
})

/** As many at a time: most of them wait. */
const AT_ONCE = 5
const USUAL = 500
const downloads = Number(process.env.GIT_SNAPSHOT_DOWNLOADS ?? USUAL)
/** The usual downloads are the same every time; where more are asked for, they are others every time. */
const seed = Number(
  process.env.GIT_SNAPSHOT_SEED ?? (downloads === USUAL ? 20_251_122 : Date.now() % 2 ** 31),
)

it(
  `${downloads} downloads with faults, seed ${seed}, bring every byte once and in order, or one error`,
  async () => {
    const before = alive()
    const scenarios = fc.array(scenario, { minLength: AT_ONCE, maxLength: AT_ONCE })
    const ends: string[] = []
    const property = fc.asyncProperty(scenarios, async (several) => {
      ends.push(...(await Promise.all(several.map(endOf))))
    })
    await fc.assert(property, { numRuns: Math.ceil(downloads / AT_ONCE), seed })
    expect(ends.filter((end) => end === 'complete').length).toBeGreaterThan(downloads / 3)
    expect(new Set(ends).size).toBeGreaterThan(5)
    for (let wait = 0; wait < 1000 && alive().sockets > before.sockets; wait += 1) await turns()
    expect(alive().sockets).toBeLessThanOrEqual(before.sockets)
    expect(alive().timers).toBeLessThanOrEqual(before.timers + 1) // the one by which undici tells the time
  },
  60_000 + downloads * 200,
)

/** `complete`, or the code of the error that it ended with. */
async function endOf(scenario: Scenario): Promise<string> {
  const { size, chunkBytes, concurrency } = scenario
  const bytes = pattern(size)
  const progress = { released: 0 }
  let observer: Observed | undefined
  const fetch: Fetch = await beginFetch({
    bytes,
    chunkBytes,
    concurrency,
    connections: concurrency,
    retries: scenario.retries,
    budget: scenario.budget,
    stallMs: 100,
    fault: (request) => faultOf(scenario, request, fetch.server.active()),
    observe: (client) => {
      observer = observed(client, () => {
        if (observer !== undefined) expectBounds(scenario, fetch, observer, progress.released)
      })
      return observer.client
    },
  })
  try {
    const error = await fetch.stream().then(
      (stream) => consume(stream, scenario, bytes, progress),
      (failure: unknown) => failure,
    )
    if (error !== undefined) expect(error).toBeInstanceOf(ActionError)
    expect(observer?.maxActive).toBeLessThanOrEqual(concurrency)
    expect(observer?.active).toBe(0)
    expect(getEventListeners(fetch.cancel.signal, 'abort')).toEqual([])
    await fetch.server.until(() => fetch.server.active() === 0)
    return error instanceof ActionError ? error.code : 'complete'
  } finally {
    await fetch.end()
  }
}

function faultOf(scenario: Scenario, request: FaultRequest, active: number): Fault {
  const { delays, room, chunked } = scenario
  const { index, range } = request
  if (active > room.most) return room.refusal
  const { shortBody, overlong, stallAfter, ...fault } =
    scenario.faults.find((hit) => hit.request === index)?.fault ?? {}
  return {
    hold: turns(delays[index % delays.length]),
    ...(chunked && { chunked: true }),
    ...fault,
    // Of a whole that ends early or late in good order, nothing tells that it was to be longer or shorter.
    ...(range !== undefined && overlong !== undefined && { overlong }),
    ...(range !== undefined && shortBody !== undefined && { shortBody, chunked: true }),
    // After its last byte an answer is over.
    ...(stallAfter !== undefined && { stallAfter: Math.min(stallAfter, lastOf(request, scenario)) }),
  }
}

/** The offset of the answer's last byte. */
function lastOf({ range, start }: FaultRequest, { size }: Scenario): number {
  const last = Number(/-(\d+)$/.exec(range ?? '')?.[1] ?? Number.POSITIVE_INFINITY)
  return Math.max(0, Math.min(last, size - 1) - start)
}

function expectBounds(scenario: Scenario, fetch: Fetch, observer: Observed, released: number): void {
  if (fetch.opened[0]?.kind !== 'ranges') return // one body has one range, and is bounded by pausing
  const { concurrency, chunkBytes } = scenario
  const asked = observer.asked.filter(({ end }) => end !== Number.POSITIVE_INFINITY)
  const held = new Set(asked.filter(({ end }) => end > released).map(({ end }) => end))
  expect(held.size).toBeLessThanOrEqual(2 * concurrency)
  expect(Math.max(0, ...held)).toBeLessThanOrEqual(released + 2 * concurrency * chunkBytes + chunkBytes)
}

/** Reads it all, or up to the error that it returns; what came must be how the object begins. */
async function consume(
  stream: ByteStream,
  { sleeps, held }: Scenario,
  bytes: Buffer,
  progress: { released: number },
): Promise<unknown> {
  let received = 0
  let pieces = 0
  try {
    for await (const piece of stream) {
      await turns(sleeps[pieces % sleeps.length])
      pieces += 1
      expect(bytes.subarray(received, received + piece.length).equals(piece)).toBe(true)
      received += piece.length
      progress.released = Math.max(progress.released, Math.floor(received - held * stream.holdBytes))
      stream.release(progress.released)
    }
  } catch (error) {
    return error
  }
  expect(received).toBe(bytes.length)
  return undefined
}

/** What would keep this process from ending. */
function alive(): { readonly sockets: number; readonly timers: number } {
  const resources = process.getActiveResourcesInfo()
  const count = (...kinds: string[]): number =>
    resources.filter((resource) => kinds.includes(resource)).length
  return { sockets: count('TCPSocketWrap', 'TCPServerWrap', 'TCPWRAP'), timers: count('Timeout') }
}
