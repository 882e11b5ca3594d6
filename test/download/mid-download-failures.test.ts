import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import { failureOf } from './fixture.ts'
import { contentRange, type Row, rows, whole } from './mid-download-row.ts'
import { comesFirst, fetchAt, hit, objectFor, prefixRead } from './place.ts'

interface Failed extends Row {
  readonly code: ErrorCode
  readonly says: string
  /** How often the range is asked for: at least, and at most. Where a first reply broke before, it counts too. */
  readonly asked: readonly [number, number]
}

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

describe('an error that says what and where, and no byte that is wrong', () => {
  for (const { row, place, name } of rows(FAILED)) {
    it(name, async () => {
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
