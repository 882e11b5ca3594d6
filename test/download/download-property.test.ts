import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ByteStream } from '../../src/byte-stream.ts'
import { ActionError } from '../../src/errors.ts'
import { turns } from '../support/turns.ts'
import { beginFetch, type Fetch, pattern } from './fixture.ts'
import { Observer } from './observer.ts'
import { faultOf, type Scenario, scenario } from './scenario.ts'

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
  const observer = new Observer((seen) => expectBounds(scenario, fetch, seen, progress.released))
  const fetch: Fetch = await beginFetch({
    bytes,
    chunkBytes,
    concurrency,
    connections: concurrency,
    retries: scenario.retries,
    budget: scenario.budget,
    stallMs: 100,
    fault: (request) => faultOf(scenario, request, fetch.server.active()),
    observe: observer.observe,
  })
  try {
    const error = await fetch.stream().then(
      (stream) => consume(stream, scenario, bytes, progress),
      (failure: unknown) => failure,
    )
    if (error !== undefined) expect(error).toBeInstanceOf(ActionError)
    expect(observer.maxActive).toBeLessThanOrEqual(concurrency)
    expect(observer.active).toBe(0)
    expect(getEventListeners(fetch.cancel.signal, 'abort')).toEqual([])
    await fetch.server.until(() => fetch.server.active() === 0)
    return error instanceof ActionError ? error.code : 'complete'
  } finally {
    await fetch.end()
  }
}

function expectBounds(scenario: Scenario, fetch: Fetch, observer: Observer, released: number): void {
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
