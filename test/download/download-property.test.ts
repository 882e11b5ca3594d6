import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Snapshot } from '../../src/snapshot/open.ts'
import type { Fault } from '../support/fault.ts'
import { beginFetch, pattern, turns } from './fixture.ts'
import { type Observed, observed } from './observer.ts'

interface Scenario {
  readonly size: number
  readonly chunkBytes: number
  readonly concurrency: number
  readonly chunked: boolean
  /** For each request in the order of arrival, the turns of the event loop until it is answered. */
  readonly delays: readonly number[]
  /** What goes wrong, and with which request. At most four, which a chunk that meets all of them survives. */
  readonly faults: readonly { readonly request: number; readonly fault: Fault }[]
  /** How much of what it may hold back the consumer holds back, and the turns it sleeps after each piece. */
  readonly held: number
  readonly sleeps: readonly number[]
}

const place = fc.nat({ max: 70 })
const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 4, arbitrary: place.map((resetAfter) => ({ resetAfter })) },
  { weight: 3, arbitrary: place.map((finAfter) => ({ finAfter })) },
  { weight: 2, arbitrary: place.map((shortBody) => ({ shortBody })) },
  { weight: 2, arbitrary: fc.constantFrom<Fault>({ drop: 'reset' }, { drop: 'fin' }) },
  { weight: 2, arbitrary: fc.constantFrom(429, 500, 503).map((status) => ({ status, headers: RETRY_NOW })) },
  { weight: 2, arbitrary: fc.constant<Fault>({ ignoreRange: true }) },
  { weight: 1, arbitrary: place.map((after) => ({ stallAfter: after })) },
)
const RETRY_NOW = { 'retry-after': '0' }

const scenario: fc.Arbitrary<Scenario> = fc.record({
  size: fc.oneof(fc.nat({ max: 700 }), fc.nat({ max: 64 })),
  chunkBytes: fc.integer({ min: 1, max: 64 }),
  concurrency: fc.integer({ min: 1, max: 8 }),
  chunked: fc.boolean(),
  delays: fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 20 }),
  faults: fc.array(fc.record({ request: fc.nat({ max: 12 }), fault }), { maxLength: 4 }),
  held: fc.constantFrom(0, 0.5, 1),
  sleeps: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 10 }),
})

it('brings every byte once, in order and within its bounds, whatever happens on the way', async () => {
  await fc.assert(fc.asyncProperty(scenario, bringsAll), { numRuns: 150, seed: 20251122 })
})

async function bringsAll(scenario: Scenario): Promise<void> {
  const { size, chunkBytes, concurrency, delays } = scenario
  const bytes = pattern(size)
  let released = 0
  let observer: Observed | undefined
  let opened: readonly Snapshot[] = []
  const checkBounds = (): void => {
    if (opened[0]?.kind !== 'ranges') return // one body has one range, and is bounded by pausing
    const asked = observer?.asked.filter(({ end }) => end !== Number.POSITIVE_INFINITY) ?? []
    const held = new Set(asked.filter(({ end }) => end > released).map(({ end }) => end))
    expect(held.size).toBeLessThanOrEqual(2 * concurrency)
    expect(Math.max(0, ...held)).toBeLessThanOrEqual(released + 2 * concurrency * chunkBytes + chunkBytes)
  }
  const fetch = await beginFetch({
    bytes,
    chunkBytes,
    concurrency,
    retries: 40,
    stallMs: 60,
    fault: ({ index, range }) => {
      const { shortBody, ...fault } = scenario.faults.find(({ request }) => request === index)?.fault ?? {}
      return {
        hold: turns(delays[index % delays.length]),
        ...(scenario.chunked && { chunked: true }),
        ...fault,
        // Of a whole that ends early in good order, nothing tells that it was to be longer.
        ...(range !== undefined && shortBody !== undefined && { shortBody, chunked: true }),
      }
    },
    observe: (client) => {
      observer = observed(client, checkBounds)
      return observer.client
    },
  })
  opened = fetch.opened
  try {
    const source = await fetch.stream()
    const pieces: Uint8Array[] = []
    let received = 0
    for await (const piece of source) {
      await turns(scenario.sleeps[pieces.length % scenario.sleeps.length])
      pieces.push(new Uint8Array(piece))
      received += piece.length
      released = Math.max(released, Math.floor(received - scenario.held * source.holdBytes))
      source.release(released)
    }
    expect(Buffer.concat(pieces)).toEqual(bytes)
    expect(observer?.maxActive).toBeLessThanOrEqual(concurrency)
    expect(observer?.active).toBe(0)
    await fetch.server.until(() => fetch.server.active() === 0)
  } finally {
    await fetch.end()
  }
}
