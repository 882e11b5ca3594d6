import { getEventListeners } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ActionError } from '../../src/errors.ts'
import { Patience } from '../../src/source/patience.ts'
import { deferred, never } from '../support/deferred.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { CHUNK, type Fetch, failureOf, pattern, startFetch } from './fixture.ts'
import { Reader } from './reader.ts'

const BYTES = pattern(20 * CHUNK)
const CANCELLED = new ActionError('CANCELLED', 'cancelled by a test')

describe('a cancelled download', () => {
  it('ends while it waits for the first answer', async () => {
    const fetch = await startFetch({ bytes: BYTES, fault: () => ({ hold: never }) })
    const opening = fetch.open()
    await fetch.server.until(() => fetch.server.active() === 1)
    fetch.cancel.abort(CANCELLED)
    await expect(opening).rejects.toBe(CANCELLED)
    await nothingLeft(fetch)
  })

  it('asks nothing when it is cancelled before it begins', async () => {
    const fetch = await startFetch({ bytes: BYTES })
    fetch.cancel.abort(CANCELLED)
    await expect(fetch.open()).rejects.toBe(CANCELLED)
    expect(fetch.server.log).toEqual([])
  })

  it('ends when it is cancelled between discovery and reading', async () => {
    const fetch = await startFetch({ bytes: BYTES })
    const source = await fetch.stream()
    fetch.cancel.abort(CANCELLED)
    await expect(new Reader(source).next()).rejects.toBe(CANCELLED)
    await nothingLeft(fetch)
  })

  it.each([
    ['the first request', 0],
    ['a later request', 2 * CHUNK],
  ])('ends at once while it backs off before %s is repeated', async (_, place) => {
    const inBackoff = deferred()
    const cancel = new AbortController()
    const patience = new Patience(
      { retries: 5, stallMs: 60_000, timeoutMs: 0, onMiss: 'fail' },
      { signal: cancel.signal, log: () => inBackoff.resolve() },
    )
    onTestFinished(() => patience.end())
    const fault: FaultScript = ({ start }) =>
      start === place ? { status: 503, headers: { 'retry-after': '50' } } : undefined
    const fetch = await startFetch({ bytes: BYTES, fault, attemptsFor: patience.attemptsFor })
    const reading = fetch.read()
    await inBackoff.promise
    fetch.cancel.abort(CANCELLED)
    await expect(reading).rejects.toBe(CANCELLED)
    await nothingLeft(fetch)
  })

  it('ends while bodies arrive, and the server sees every connection closed', async () => {
    const fault: FaultScript = ({ start }) =>
      start === 0 ? undefined : { pause: { after: 3, until: never } }
    const fetch = await startFetch({ bytes: BYTES, concurrency: 3, fault })
    const reading = fetch.read()
    await fetch.server.until(() => fetch.server.active() === 3)
    fetch.cancel.abort(CANCELLED)
    await expect(reading).rejects.toBe(CANCELLED)
    await nothingLeft(fetch)
  })

  it('ends while one body is held back by the consumer', async () => {
    const fetch = await startFetch({ bytes: pattern(5000), concurrency: 1 })
    const reader = new Reader(await fetch.stream(), { holdsBack: true })
    await reader.take(2 * CHUNK)
    const more = reader.next()
    fetch.cancel.abort(CANCELLED)
    await expect(more).rejects.toBe(CANCELLED)
    await nothingLeft(fetch)
  })

  it('ends by its own `cancel` with the given error', async () => {
    const fetch = await startFetch({
      bytes: BYTES,
      fault: ({ start }) => (start === 0 ? {} : { hold: never }),
    })
    const source = await fetch.stream()
    const reader = new Reader(source)
    await reader.take(CHUNK)
    const more = reader.next()
    source.cancel(CANCELLED)
    await expect(more).rejects.toBe(CANCELLED)
    await nothingLeft(fetch)
  })
})

describe('a consumer', () => {
  const HELD: FaultScript = () => ({ pause: { after: 1, until: never } })

  it('may stop early, which ends every request', async () => {
    const fetch = await startFetch({ bytes: BYTES, concurrency: 3, fault: HELD })
    for await (const piece of await fetch.stream()) {
      expect(piece[0]).toBe(0)
      await fetch.server.until(() => fetch.server.active() === 3)
      break
    }
    await nothingLeft(fetch)
  })

  it('may stop one body early', async () => {
    const fetch = await startFetch({
      bytes: BYTES,
      concurrency: 1,
      fault: () => ({ pause: { after: 5, until: never } }),
    })
    for await (const _ of await fetch.stream()) break
    await nothingLeft(fetch)
  })

  it('may throw, which ends every request and is what is thrown', async () => {
    const fetch = await startFetch({ bytes: BYTES, concurrency: 3, fault: HELD })
    const disk = new Error('disk full')
    const consuming = (async () => {
      for await (const _ of await fetch.stream()) {
        await fetch.server.until(() => fetch.server.active() === 3)
        throw disk
      }
    })()
    await expect(consuming).rejects.toBe(disk)
    await nothingLeft(fetch)
  })
})

describe('a download that is over', () => {
  it('leaves no listener on the signal, whatever it met', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): number => warnings.push(warning)
    process.on('warning', onWarning)
    onTestFinished(() => {
      process.off('warning', onWarning)
    })
    const fault: FaultScript = ({ index }) => (index % 3 === 2 ? { finAfter: 2 } : undefined)
    const fetch = await startFetch({ bytes: pattern(100 * CHUNK), concurrency: 16, retries: 50, fault })
    await fetch.read()
    await nothingLeft(fetch)
    expect(warnings).toEqual([])
  })

  it('leaves no listener on the signal when it failed', async () => {
    const fault: FaultScript = ({ start }) => (start === 0 ? undefined : { status: 404 })
    const fetch = await startFetch({ bytes: BYTES, concurrency: 8, fault })
    await failureOf(fetch.read())
    await nothingLeft(fetch)
  })
})

async function nothingLeft({ server, cancel, attemptsAsked }: Fetch): Promise<void> {
  await server.until(() => server.active() === 0)
  expect(getEventListeners(cancel.signal, 'abort')).toEqual([])
  const ofDownload = attemptsAsked.at(-1)?.signal
  if (ofDownload === undefined || ofDownload === cancel.signal) return
  // The one that wakes who waits; it goes with the signal, which is the download's own.
  expect(getEventListeners(ofDownload, 'abort').length).toBeLessThanOrEqual(1)
}
