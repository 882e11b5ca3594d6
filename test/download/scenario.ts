import fc from 'fast-check'
import type { Fault } from '../support/fault.ts'
import type { FaultRequest } from '../support/scripted-server.ts'
import { turns } from '../support/turns.ts'

/** What one download meets. */
export interface Scenario {
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

export const scenario: fc.Arbitrary<Scenario> = fc.record({
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

/** How the scenario's server answers a request, when so many are on their way. */
export function faultOf(scenario: Scenario, request: FaultRequest, active: number): Fault {
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
