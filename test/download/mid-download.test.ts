import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import type { Fault } from '../support/fault.ts'
import { failureOf } from './fixture.ts'
import {
  chunkAt,
  comesFirst,
  fetchAt,
  hit,
  inBody,
  nameOf,
  objectFor,
  PLACES,
  type Place,
  prefixRead,
} from './place.ts'

/** One fault, and what becomes of a download that meets it. */
interface Row {
  readonly id: string
  readonly what: string
  readonly subject: 'head' | 'body'
  readonly fault: (place: Place, range: { readonly start: number; readonly end: number }) => Fault
}

/** The range is asked for again, from this byte of what was asked for. */
interface Recovered extends Row {
  readonly goesOnAt?: (place: Place) => number
}

interface Failed extends Row {
  readonly code: ErrorCode
  readonly says: string
  /** How often the range is asked for: at least, and at most. Where a first reply broke before, it counts too. */
  readonly asked: readonly [number, number]
}

const K = 4097
const length = (place: Place): number => chunkAt(place).end - chunkAt(place).start
const contentRange = (from: number, to: number, place: Place): Fault => ({
  contentRange: `bytes ${from}-${to - 1}/${objectFor(place).length}`,
  chunked: true,
})
const whole = (): Fault => ({ ignoreRange: true })

const RECOVERED: readonly Recovered[] = [
  { id: 'F070', what: 'the whole object instead of the range, once', subject: 'head', fault: whole },
  { id: 'F071', what: 'more than the range, once', subject: 'head', fault: () => ({ overlong: 'whole' }) },
  {
    id: 'F072',
    what: 'a body shorter than its range, with the length of the range',
    subject: 'body',
    fault: (place) => ({ finAfter: inBody(place, K) }),
    goesOnAt: () => K,
  },
  {
    id: 'F072',
    what: 'a length shorter than its range, which is not believed',
    subject: 'head',
    fault: () => ({ shortBody: K }),
    goesOnAt: () => 0,
  },
  {
    id: 'F072',
    what: 'a body shorter than its range, of no announced length',
    subject: 'head',
    fault: () => ({ shortBody: K - 1, chunked: true }),
    goesOnAt: () => K - 1,
  },
  {
    id: 'F073',
    what: 'FIN in the body of a connection that was to be kept',
    subject: 'body',
    fault: (place) => ({ finAfter: inBody(place, K), headers: { connection: 'keep-alive' } }),
    goesOnAt: () => K,
  },
  {
    id: 'F074',
    what: 'FIN in the body of a connection that was to be closed',
    subject: 'body',
    fault: (place) => ({ finAfter: inBody(place, K), headers: { connection: 'close' } }),
    goesOnAt: () => K,
  },
  ...[0, 1, K, -1].map(
    (at): Recovered => ({
      id: 'F075',
      what: `RST at byte ${at === -1 ? 'n-1' : at} of the body`,
      subject: 'body',
      fault: (place) => ({ resetAfter: inBody(place, at === -1 ? length(place) - 1 : at) }),
    }),
  ),
  {
    id: 'F077',
    what: 'a chunked body without its end',
    subject: 'body',
    fault: (place) => ({ finAfter: inBody(place, K), chunked: true }),
    goesOnAt: () => K,
  },
  {
    id: 'F078',
    what: 'a Content-Range that begins one byte early, once',
    subject: 'head',
    fault: (place, { start, end }) => contentRange(start - 1, end - 1, place),
    goesOnAt: () => 0,
  },
  {
    id: 'F078',
    what: "another chunk's range, once",
    subject: 'head',
    fault: (place) => contentRange(0, 999, place),
    goesOnAt: () => 0,
  },
  { id: 'F080', what: 'no ETag, once', subject: 'head', fault: () => ({ etag: null }), goesOnAt: () => 0 },
  { id: 'F080', what: 'a weak ETag, once', subject: 'head', fault: () => ({ etag: 'W/"v1"' }) },
]

const FAILED: readonly Failed[] = [
  {
    id: 'F070',
    what: 'the whole object instead of the range, always',
    subject: 'head',
    fault: whole,
    code: 'PROTOCOL_ERROR',
    says: 'ignored the range',
    asked: [5, 5],
  },
  {
    id: 'F071',
    what: 'more than the range, always',
    subject: 'head',
    fault: () => ({ overlong: 'whole' }),
    code: 'PROTOCOL_ERROR',
    says: 'contradicts Content-Range',
    asked: [5, 5],
  },
  {
    id: 'F071',
    what: 'more than the range, of no announced length, always',
    subject: 'head',
    fault: () => ({ overlong: 1000, chunked: true }),
    code: 'PROTOCOL_ERROR',
    says: 'sent more than the expected',
    asked: [1, 5], // once where the consumer already has bytes of it
  },
  {
    id: 'F078',
    what: 'a Content-Range that begins one byte early, always',
    subject: 'head',
    fault: (place, { start, end }) => contentRange(start - 1, end - 1, place),
    code: 'PROTOCOL_ERROR',
    says: 'is another range',
    asked: [5, 5],
  },
  {
    id: 'F079',
    what: 'another total',
    subject: 'head',
    fault: () => ({ total: 999_999_999 }),
    code: 'SNAPSHOT_CHANGED',
    says: '999999999 bytes instead of',
    asked: [1, 1],
  },
  {
    id: 'F080',
    what: 'another ETag',
    subject: 'head',
    fault: () => ({ etag: '"v2"' }),
    code: 'SNAPSHOT_CHANGED',
    says: 'ETag "v2" instead of "v1"',
    asked: [1, 1],
  },
  {
    id: 'F080',
    what: 'no ETag, always',
    subject: 'head',
    fault: () => ({ etag: null }),
    code: 'PROTOCOL_ERROR',
    says: 'no strong ETag',
    asked: [5, 5],
  },
  ...(
    [
      ['F081', 412],
      ['F082', 416],
      ['F083', 404],
      ['F083', 410],
    ] as const
  ).map(
    ([id, status]): Failed => ({
      id,
      what: `status ${status}`,
      subject: 'head',
      fault: () => ({ status }),
      code: 'SNAPSHOT_CHANGED',
      says: `the snapshot was replaced during the download (status ${status})`,
      asked: [1, 1],
    }),
  ),
  {
    id: 'F088',
    what: 'a range of another object, whose server ignores If-Match',
    subject: 'head',
    fault: (place) => ({ object: Buffer.alloc(objectFor(place).length, 0xff), etag: '"v2"' }),
    code: 'SNAPSHOT_CHANGED',
    says: 'ETag "v2" instead of "v1"',
    asked: [1, 1],
  },
  {
    id: 'F089',
    what: 'one chunk never comes, all others do',
    subject: 'head',
    fault: () => ({ status: 500 }),
    code: 'SERVER_ERROR',
    says: 'gave up after 6 attempts',
    asked: [6, 6],
  },
]

const rows = <R extends Row>(all: readonly R[]) =>
  all.flatMap((row) => PLACES.map((place) => ({ row, place, name: `${row.id}: ${row.what}` })))

describe('asked again, and every byte is right', () => {
  for (const { row, place, name } of rows(RECOVERED)) {
    it(`${name} (${nameOf(place)})`, async () => {
      const { script, starts } = hit(place, row.subject, (range) => row.fault(place, range))
      const fetch = await fetchAt(place, { fault: script })
      expect(await prefixRead(place, fetch)).toEqual({ error: undefined, bytes: objectFor(place).length })
      expect(starts).toHaveLength(2)
      const [first = Number.NaN, again = Number.NaN] = starts
      if (row.goesOnAt === undefined) return
      const from = row.subject === 'body' ? chunkAt(place).start : first
      expect(again - from).toBe(row.goesOnAt(place))
    })
  }
})

describe('an error that says what and where, and no byte that is wrong', () => {
  for (const { row, place, name } of rows(FAILED)) {
    it(`${name} (${nameOf(place)})`, async () => {
      const { script, asked } = hit(place, row.subject, (range) => row.fault(place, range), Infinity)
      const fetch = await fetchAt(place, { fault: script })
      const { error } = await prefixRead(place, fetch)
      const { code, text } = await failureOf(Promise.reject(error))
      expect(code).toBe(row.code)
      expect(text).toContain(row.says)
      expect(text).toContain(`${fetch.server.url}/object`)
      const [least, most] = row.asked
      const before = comesFirst(place) ? 1 : 0
      expect(asked()).toBeGreaterThanOrEqual(Math.max(1, least - before))
      expect(asked()).toBeLessThanOrEqual(most)
    })
  }
})
