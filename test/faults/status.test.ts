import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import { fetchBundle, SHORTCUT_LIMITS } from '../../src/snapshot/shortcut.ts'
import { clientTo } from '../support/http-client.ts'
import { temporary } from '../support/temporary.ts'
import { CONCURRENCIES, OBJECT, obtain, SECRETS, serve, sum } from './fixture.ts'

interface Row {
  readonly id: string
  readonly status: number
  readonly outcome: ErrorCode
  readonly words: string
}

const lasting: Row[] = [
  { id: 'F036', status: 204, outcome: 'PROTOCOL_ERROR', words: 'answered 204, which is no snapshot' },
  { id: 'F037', status: 304, outcome: 'PROTOCOL_ERROR', words: 'answered 304, which is no snapshot' },
  { id: 'F046', status: 300, outcome: 'PROTOCOL_ERROR', words: 'answered 300, which is no snapshot' },
  { id: 'F047', status: 401, outcome: 'ACCESS_DENIED', words: 'check the input authorization' },
  { id: 'F047', status: 403, outcome: 'ACCESS_DENIED', words: 'check the input authorization' },
  { id: 'F048', status: 404, outcome: 'NOT_FOUND', words: 'check server, repository and github-server-url' },
  { id: 'F048', status: 410, outcome: 'NOT_FOUND', words: 'check server, repository and github-server-url' },
  { id: 'F049', status: 407, outcome: 'PROXY_FAILED', words: 'the proxy wants credentials' },
  { id: 'F053', status: 501, outcome: 'SERVER_ERROR', words: 'answered 501' },
  { id: 'F053', status: 505, outcome: 'SERVER_ERROR', words: 'answered 505' },
]

const passing: Row[] = [
  { id: 'F050', status: 408, outcome: 'SERVER_ERROR', words: 'answered 408' },
  ...[500, 502, 503, 504, 520, 521, 522, 523, 524].map((status) => ({
    id: status === 503 ? 'F054' : 'F052',
    status,
    ...({ outcome: 'SERVER_ERROR', words: `answered ${status}` } as const),
  })),
  { id: 'F051', status: 429, outcome: 'RATE_LIMITED', words: 'answered 429' },
]

const everywhere = <T>(rows: readonly T[]): (T & { readonly concurrency: number })[] =>
  rows.flatMap((row) => CONCURRENCIES.map((concurrency) => ({ ...row, concurrency })))

describe('a status that would be the same again', () => {
  it.each(everywhere(lasting))(
    '$id: $status is $outcome at once (concurrency $concurrency)',
    async ({ status, outcome, words, concurrency }) => {
      const server = await serve({ fault: () => ({ status, body: '::error::a page that nobody is shown' }) })
      const obtained = await obtain(server.place, { concurrency })
      expect(obtained).toMatchObject({ outcome, requests: 1, delays: [] })
      expect(obtained.words).toContain(`${server.url}/snapshot.tar.zst answered ${status}`)
      expect(obtained.words).toContain(words)
      expect(obtained.words).not.toContain('a page')
    },
  )
})

it('F036: 204 for a bundle is that there is nothing newer', async () => {
  const server = await serve({ fault: () => ({ status: 204 }) })
  const url = new URL(server.place)
  const client = clientTo(url, { secrets: { origin: url.origin, headers: SECRETS } })
  onTestFinished(() => client.close())
  const file = join(temporary(), 'bundle')
  const answer = await fetchBundle(url, {
    client,
    file,
    stall: { idleMs: 60_000, bytesPerSecond: 1 },
    limits: SHORTCUT_LIMITS,
    signal: new AbortController().signal,
    log: () => {},
  })
  expect(answer).toBe('up-to-date')
  expect(existsSync(file)).toBe(false)
})

describe('a status that may pass', () => {
  it.each(everywhere(passing))(
    '$id: $status is asked again, with more patience each time (concurrency $concurrency)',
    async ({ status, concurrency }) => {
      const server = await serve({ fault: ({ index }) => (index < 3 ? { status } : undefined) })
      const obtained = await obtain(server.place, { concurrency })
      expect(obtained.outcome).toBe('OK')
      expect(obtained.bytes).toEqual(OBJECT)
      expect(obtained.delays).toEqual([125, 250, 500])
    },
  )

  it.each(everywhere(passing))(
    '$id: $status for ever is $outcome when the attempts are used up (concurrency $concurrency)',
    async ({ status, outcome, words, concurrency }) => {
      const server = await serve({ fault: () => ({ status }) })
      const obtained = await obtain(server.place, { concurrency, retries: 3 })
      expect(obtained).toMatchObject({ outcome, requests: 4 })
      expect(obtained.words).toContain('gave up after 4 attempts')
      expect(obtained.words).toContain(words)
    },
  )

  it.each(CONCURRENCIES)('F054: 503 for ever ends by the deadline (concurrency %i)', async (concurrency) => {
    const server = await serve({ fault: () => ({ status: 503 }) })
    const obtained = await obtain(server.place, { concurrency, retries: 10, deadlineMs: 1000 })
    expect(obtained.outcome).toBe('SERVER_ERROR')
    expect(sum(obtained.delays.slice(0, -1))).toBeLessThan(1000)
    expect(obtained.requests).toBeLessThan(10)
  })
})

describe('429 and what it says about when to come back', () => {
  const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toUTCString()
  /** What full jitter gives for the first repetition, where the half of it is drawn. */
  const BACKOFF = [125, 125]

  const waits = everywhere<{ what: string; header: () => string | null; from: readonly number[] }>([
    { what: 'a number of seconds', header: () => '7', from: [7000, 7000] },
    { what: 'a minute', header: () => '60', from: [60_000, 60_000] },
    { what: 'a date', header: () => inSeconds(30), from: [20_000, 30_000] },
    { what: 'nothing', header: () => null, from: BACKOFF },
    { what: 'garbage', header: () => 'soon', from: BACKOFF },
    { what: 'no time', header: () => '0', from: BACKOFF },
    { what: 'less than none', header: () => '-5', from: BACKOFF },
    { what: 'a date that is over', header: () => inSeconds(-60), from: BACKOFF },
  ])

  it.each(waits)('F051: $what (concurrency $concurrency)', async ({ header, from, concurrency }) => {
    const [least = 0, most = 0] = from
    const server = await serve({
      fault: ({ index }) => (index === 0 ? { status: 429, headers: { 'retry-after': header() } } : undefined),
    })
    const obtained = await obtain(server.place, { concurrency })
    expect(obtained.bytes).toEqual(OBJECT)
    expect(obtained.delays).toHaveLength(1)
    expect(obtained.delays[0]).toBeGreaterThanOrEqual(least)
    expect(obtained.delays[0]).toBeLessThanOrEqual(most)
  })

  const refusals = everywhere([
    { what: 'more than a minute', header: () => '3600', deadlineMs: 10_000_000, words: 'wait 3600 s' },
    {
      what: 'a date in an hour',
      header: () => inSeconds(3600),
      deadlineMs: 10_000_000,
      words: / wait 3(600|59\d) s/,
    },
    { what: 'more than is left', header: () => '7', deadlineMs: 6000, words: 'wait 7 s' },
  ])

  it.each(refusals)(
    'F051: $what is a failure at once, which says how long (concurrency $concurrency)',
    async ({ header, deadlineMs, words, concurrency }) => {
      const server = await serve({ fault: () => ({ status: 429, headers: { 'retry-after': header() } }) })
      const obtained = await obtain(server.place, { concurrency, deadlineMs })
      expect(obtained).toMatchObject({ outcome: 'RATE_LIMITED', requests: 1, delays: [] })
      expect(obtained.words).toMatch(words)
    },
  )
})
