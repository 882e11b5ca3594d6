import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import type { Snapshot } from '../../src/snapshot/open.ts'
import { pattern } from '../download/fixture.ts'
import type { Fault } from '../support/fault.ts'
import type { ObjectServerOptions } from '../support/object-server.ts'
import {
  CHUNK_BYTES,
  CONCURRENCIES,
  KiB,
  OBJECT,
  type Obtained,
  obtain,
  PARALLEL,
  QUERY,
  readBeginning,
  serve,
} from './fixture.ts'

const TOTAL = OBJECT.length
const LAST = CHUNK_BYTES - 1

interface Row {
  readonly id: string
  readonly what: string
  readonly fault: Fault
  /** How many requests the fault meets; default all. */
  readonly times?: number
  readonly server?: ObjectServerOptions
  /** `OK`: the same bytes. */
  readonly outcome: 'OK' | ErrorCode
  readonly words?: string
  /** How the snapshot is opened. */
  readonly kind?: Snapshot['kind']
  readonly requests?: number
  /** Attempts after the first. */
  readonly again?: number
  /** Default `PARALLEL`: a range is what goes wrong. */
  readonly at?: readonly number[]
}

const raw = (...lines: string[]): Fault => ({ raw: `${lines.join('\r\n')}\r\n\r\n` })
const contentRange = (value: string | readonly string[] | null): Fault => ({ contentRange: value })
const notOneRange = {
  outcome: 'PROTOCOL_ERROR',
  words: 'not one valid range',
  requests: 1,
  again: 0,
} as const

const rows: Row[] = [
  { id: 'F021', what: 'a part, and a strong ETag', fault: {}, outcome: 'OK', kind: 'ranges', again: 0 },
  {
    id: 'F022',
    what: 'everything, with its length',
    fault: { ignoreRange: true },
    ...{ outcome: 'OK', kind: 'stream', requests: 1, at: CONCURRENCIES },
  },
  {
    id: 'F023',
    what: 'everything in chunks, whose end is its end',
    fault: { ignoreRange: true, chunked: true },
    server: { etag: null },
    ...{ outcome: 'OK', kind: 'stream', requests: 1, at: CONCURRENCIES },
  },
  {
    id: 'F024',
    what: 'everything in chunks, reset half way',
    fault: { ignoreRange: true, chunked: true, resetAfter: TOTAL / 2 },
    server: { etag: null },
    ...{ outcome: 'CONNECTION_FAILED', words: 'without a strong ETag it cannot be resumed', requests: 1 },
    at: CONCURRENCIES,
  },
  {
    id: 'F025',
    what: 'a part with no Content-Range',
    fault: contentRange(null),
    ...{ ...notOneRange, words: 'Content-Range missing' },
  },
  {
    id: 'F027',
    what: 'a part from elsewhere, all the time',
    fault: contentRange(`bytes 5-${LAST + 5}/${TOTAL}`),
    ...{ outcome: 'PROTOCOL_ERROR', words: 'when asked for the first bytes', requests: 5, again: 4 },
  },
  {
    id: 'F027',
    what: 'a part from elsewhere, four times',
    fault: contentRange(`bytes 5-${LAST + 5}/${TOTAL}`),
    times: 4,
    ...{ outcome: 'OK', kind: 'ranges', again: 4 },
  },
  {
    id: 'F028',
    what: 'a part larger than was asked for',
    fault: contentRange(`bytes 0-${LAST + 1}/${TOTAL}`),
    ...{ outcome: 'PROTOCOL_ERROR', words: 'more than was asked for', requests: 1 },
  },
  { id: 'F028', what: 'a part beyond the end', fault: contentRange('bytes 0-99/50'), ...notOneRange },
  {
    id: 'F028',
    what: 'a part that ends before it begins',
    fault: contentRange('bytes 9-8/50'),
    ...notOneRange,
  },
  { id: 'F029', what: 'a part of items', fault: contentRange('items 0-9/10'), ...notOneRange },
  { id: 'F029', what: 'a part with more behind it', fault: contentRange('bytes 0-9/10 x'), ...notOneRange },
  {
    id: 'F029',
    what: 'a part of Bytes',
    fault: contentRange(`Bytes 0-${LAST}/${TOTAL}`),
    ...{ outcome: 'OK', times: 1 },
  },
  {
    id: 'F029',
    what: 'a part with blanks around it',
    fault: contentRange(`  bytes   0-${LAST}/${TOTAL}  `),
    ...{ outcome: 'OK', times: 1 },
  },
  ...[
    'bytes 0-9/9007199254740993',
    'bytes 0-9/99999999999999999999',
    'bytes +0-9/10',
    'bytes 0-+9/10',
    'bytes -1-9/10',
    'bytes 0-0x9/10',
    'bytes 0-9/1e3',
    'bytes 0-9/*',
    'bytes 0-9.0/10',
  ].map((value) => ({
    id: 'F030',
    what: `the range "${value}"`,
    fault: contentRange(value),
    ...notOneRange,
  })),
  {
    id: 'F030',
    what: 'a range with zeros before its numbers, which say the same',
    fault: contentRange(`bytes 000-${LAST}/${TOTAL}`),
    ...{ outcome: 'OK', times: 1 },
  },
  {
    id: 'F031',
    what: 'two Content-Range headers',
    fault: contentRange([`bytes 0-${LAST}/${TOTAL}`, `bytes 0-${LAST}/${TOTAL}`]),
    ...{ outcome: 'PROTOCOL_ERROR', words: '2 content-range headers', requests: 1 },
  },
  {
    id: 'F034',
    what: '416 for the first part, and everything when asked for it',
    fault: { status: 416, headers: { 'content-range': `bytes */${TOTAL}` } },
    times: 1,
    ...{ outcome: 'OK', kind: 'stream', requests: 2, again: 0 },
  },
  {
    id: 'F034',
    what: '416 that tells no size, and everything when asked for it',
    fault: { status: 416 },
    times: 1,
    ...{ outcome: 'OK', kind: 'stream', requests: 2, again: 0 },
  },
  {
    id: 'F034',
    what: '416 whatever is asked for',
    fault: { status: 416, headers: { 'content-range': `bytes */${TOTAL}` } },
    ...{ outcome: 'PROTOCOL_ERROR', words: 'answered 416', requests: 2 },
  },
  {
    id: 'F057',
    what: 'a weak ETag, which pins nothing',
    fault: { etag: 'W/"v1"' },
    ...{ outcome: 'OK', kind: 'stream', requests: 2, again: 0 },
  },
  {
    id: 'F058',
    what: 'a date and no ETag',
    fault: { etag: null, headers: { 'last-modified': 'Wed, 21 Oct 2015 07:28:00 GMT' } },
    ...{ outcome: 'OK', kind: 'stream', requests: 2, again: 0 },
  },
  {
    id: 'F059',
    what: 'an ETag without quotes, taken byte for byte',
    fault: {},
    server: { etag: 'b5ae-17' },
    ...{ outcome: 'OK', kind: 'ranges', again: 0 },
  },
  {
    id: 'F059',
    what: 'an empty ETag, which pins nothing',
    fault: { etag: '""' },
    ...{ outcome: 'OK', kind: 'stream', requests: 2 },
  },
  {
    id: 'F059',
    what: 'an ETag of 8 KiB',
    fault: { etag: `"${'x'.repeat(8 * KiB)}"` },
    ...{ outcome: 'PROTOCOL_ERROR', words: 'sent an ETag that is no ETag', requests: 1 },
    at: CONCURRENCIES,
  },
  {
    id: 'F059',
    what: 'an ETag with a control character',
    fault: raw('HTTP/1.1 206 Partial Content', 'content-length: 2', 'etag: "a\u0001b"'),
    ...{ outcome: 'PROTOCOL_ERROR', words: 'valid HTTP', requests: 1 },
    at: CONCURRENCIES,
  },
  ...['gzip', 'br', 'deflate', 'gzip, zstd'].flatMap((encoding) =>
    [true, undefined].map((ignoreRange) => ({
      id: 'F061',
      what: `${ignoreRange ? 'everything' : 'a part'} in ${encoding}`,
      fault: { headers: { 'content-encoding': encoding }, ...(ignoreRange && { ignoreRange }) },
      ...({ outcome: 'PROTOCOL_ERROR', words: `Content-Encoding ${encoding}`, requests: 1 } as const),
    })),
  ),
  {
    id: 'F061',
    what: 'zstd of unknown length, which may be made for us',
    fault: { headers: { 'content-encoding': 'zstd' }, ignoreRange: true, chunked: true },
    ...{ outcome: 'PROTOCOL_ERROR', words: 'Content-Encoding zstd', requests: 1, at: CONCURRENCIES },
  },
  {
    id: 'F061',
    what: 'zstd and the length of what is stored as zstd',
    fault: { headers: { 'content-encoding': 'zstd' } },
    ...{ outcome: 'OK', again: 0, at: CONCURRENCIES },
  },
  {
    id: 'F062',
    what: 'a head of more than 16 KiB',
    fault: { headers: { 'x-long': 'x'.repeat(20 * KiB) } },
    ...{ outcome: 'PROTOCOL_ERROR', words: 'valid HTTP', requests: 1, at: CONCURRENCIES },
  },
  ...[
    ['a negative length', 'content-length: -1'],
    ['a length in letters', 'content-length: two'],
    ['two lengths', 'content-length: 1\r\ncontent-length: 2'],
    ['a length and chunks', 'content-length: 2\r\ntransfer-encoding: chunked'],
  ].map(([what = '', headers = '']) => ({
    id: 'F063',
    what,
    fault: raw('HTTP/1.1 200 OK', headers, '', 'ok'),
    ...({ outcome: 'PROTOCOL_ERROR', words: 'valid HTTP', requests: 1 } as const),
    at: CONCURRENCIES,
  })),
  ...[
    ['a page without a head', '<html>hello</html>'],
    ['the banner of another protocol', 'SSH-2.0-OpenSSH_9.9'],
  ].map(([what = '', text = '']) => ({
    id: 'F064',
    what,
    fault: raw(text),
    ...({ outcome: 'PROTOCOL_ERROR', words: 'valid HTTP', requests: 2, again: 1 } as const),
    at: CONCURRENCIES,
  })),
  {
    id: 'F064',
    what: 'the banner of another protocol, once',
    fault: raw('SSH-2.0-OpenSSH_9.9'),
    times: 1,
    ...{ outcome: 'OK', again: 1, at: CONCURRENCIES },
  },
  {
    id: 'F065',
    what: 'hints before the answer',
    fault: raw(
      ...Array<string>(20).fill('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n'),
      `HTTP/1.1 200 OK\r\ncontent-length: 0`,
    ),
    server: { bytes: Buffer.alloc(0) },
    ...{ outcome: 'OK', requests: 1, at: CONCURRENCIES },
  },
  {
    id: 'F065',
    what: '100 Continue, which nobody asked for and undici takes for a broken connection, once',
    fault: raw('HTTP/1.1 100 Continue', '', 'HTTP/1.1 200 OK', 'content-length: 0'),
    times: 1,
    ...{ outcome: 'OK', again: 1, at: CONCURRENCIES },
  },
  {
    id: 'F065',
    what: 'more than a hundred hints',
    fault: raw(...Array<string>(101).fill('HTTP/1.1 103 Early Hints\r\n'), 'HTTP/1.1 200 OK'),
    ...{ outcome: 'PROTOCOL_ERROR', words: 'more than 100 interim replies', requests: 1 },
    at: CONCURRENCIES,
  },
  {
    id: 'F066',
    what: 'a part, although it accepts no ranges',
    fault: { headers: { 'accept-ranges': 'none' } },
    ...{ outcome: 'OK', kind: 'ranges', again: 0 },
  },
]

const cases = rows.flatMap(({ at = PARALLEL, ...row }) =>
  at.map((concurrency) => ({ ...row, concurrency, name: `${row.id}: ${row.what}` })),
)

describe('the first answer is', () => {
  it.each(cases)('$name: $outcome (concurrency $concurrency)', async (row) => {
    const { times = Number.POSITIVE_INFINITY, requests, again, kind } = row
    const server = await serve({
      ...row.server,
      fault: ({ index }) => (index < times ? row.fault : undefined),
    })
    const obtained = await obtain(server.place, { concurrency: row.concurrency })
    expect(obtained).toMatchObject({
      outcome: row.outcome,
      ...(requests !== undefined && { requests }),
      ...(kind !== undefined && { kind }),
    })
    if (again !== undefined) expect(obtained.delays).toHaveLength(again)
    if (row.outcome === 'OK') expect(obtained.bytes).toEqual(row.server?.bytes ?? OBJECT)
    else expectWords(obtained, server.url, row.words ?? row.outcome)
  })
})

function expectWords({ words }: Obtained, server: string, expected: string): void {
  expect(words).toContain(expected)
  expect(words).toContain(`${server}/snapshot.tar.zst`)
  expect(words).not.toMatch(/[\r\n]/)
}

describe('an empty object', () => {
  it.each<[string, string, Fault, readonly number[]]>([
    ['F033', '416 and the size 0', {}, PARALLEL],
    ['F035', '200 and the length 0', { ignoreRange: true }, CONCURRENCIES],
  ])('%s: %s is no bytes, in one request', async (_, __, fault, at) => {
    for (const concurrency of at) {
      const server = await serve({ bytes: Buffer.alloc(0), fault: () => fault })
      const obtained = await obtain(server.place, { concurrency })
      expect(obtained).toMatchObject({ outcome: 'OK', bytes: Buffer.alloc(0), requests: 1 })
    }
  })
})

describe('an object of any size is asked for to its last byte, and no further', () => {
  const sizes = [
    ...[1, 2, CHUNK_BYTES - 1, CHUNK_BYTES].map((size) => ({ id: 'F067', size })),
    ...[CHUNK_BYTES + 1, 3 * CHUNK_BYTES - 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 1].map((size) => ({
      id: 'F068',
      size,
    })),
    { id: 'F068', size: 1 },
  ].flatMap((row) => CONCURRENCIES.map((concurrency) => ({ ...row, concurrency })))

  it.each(sizes)(
    '$id: $size bytes in parts of 65536 (concurrency $concurrency)',
    async ({ size, concurrency }) => {
      const bytes = pattern(size)
      const server = await serve({ bytes })
      const obtained = await obtain(server.place, { concurrency })
      expect(obtained).toMatchObject({ outcome: 'OK', delays: [] })
      expect(obtained.bytes).toEqual(bytes)
      const isOne = concurrency === 1 || size <= CHUNK_BYTES
      expect(obtained.requests).toBe(isOne ? 1 : Math.ceil(size / CHUNK_BYTES))
      const ends = server.log.map(({ range = '' }) => Number(/\d+$/.exec(range)?.[0] ?? size - 1) + 1)
      if (!isOne) expect(Math.max(...ends)).toBe(size)
    },
  )
})

describe('an object of 10 TiB', () => {
  it.each(PARALLEL)(
    'F069: begins as any other, and holds no more of it (concurrency %i)',
    async (concurrency) => {
      const TiB = 2 ** 40
      const piece = Buffer.alloc(16 * KiB, 'x')
      function* read(start: number, end: number): Generator<Buffer> {
        for (let at = start; at < end; at += piece.length)
          yield piece.subarray(0, Math.min(piece.length, end - at))
      }
      const path = '/snapshot.tar.zst'
      const server = await serve({ objects: { [path]: { size: 10 * TiB, read, etag: '"huge"' } } })
      const beginning = { concurrency, bytes: 100 * CHUNK_BYTES }
      const { total, requests } = await readBeginning(`${server.url}${path}${QUERY}`, beginning)
      expect(total).toBe(10 * TiB)
      expect(requests).toBeLessThanOrEqual(100 + 2 * concurrency)
      expect(server.maxActive()).toBeLessThanOrEqual(concurrency)
      await server.until(() => server.active() === 0)
    },
  )
})
