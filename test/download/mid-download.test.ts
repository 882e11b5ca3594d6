import { describe, expect, it } from 'vitest'
import { contentRange, type Row, rows, whole } from './mid-download-row.ts'
import { chunkAt, complete, fetchAt, hit, inBody, type Place, prefixRead } from './place.ts'

/** The range is asked for again, from this byte of what was asked for. */
interface Recovered extends Row {
  readonly goesOnAt?: (place: Place) => number
}

const K = 4097
const length = (place: Place): number => chunkAt(place).end - chunkAt(place).start

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

describe('asked again, and every byte is right', () => {
  for (const { row, place, name } of rows(RECOVERED)) {
    it(name, async () => {
      const { script, starts } = hit(place, row.subject, (range) => row.fault(place, range))
      const fetch = await fetchAt(place, { fault: script })
      expect(await prefixRead(place, fetch)).toEqual(complete(place))
      expect(starts).toHaveLength(2)
      const [first = Number.NaN, again = Number.NaN] = starts
      if (row.goesOnAt === undefined) return
      const from = row.subject === 'body' ? chunkAt(place).start : first
      expect(again - from).toBe(row.goesOnAt(place))
    })
  }
})
