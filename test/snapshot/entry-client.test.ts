import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { download } from '../../src/download/download.ts'
import type { CacheEntry } from '../../src/snapshot/actions-cache.ts'
import { EntryClient } from '../../src/snapshot/entry-client.ts'
import { openSnapshot } from '../../src/snapshot/open.ts'
import { pattern } from '../download/fixture.ts'
import { Reader } from '../download/reader.ts'
import { type Azurite, type BlobStore, startAzurite } from '../support/azurite.ts'
import type { Fault } from '../support/fault.ts'
import { startObjectServer } from '../support/object-server.ts'
import { type Cached, commit, failureOf, key, startCached, VERSION } from './cached-entries.ts'

const BYTES = pattern(100_000)
const CHUNK_BYTES = 8192
const HOUR_MS = 3_600_000

let azurite: Azurite
/** What the service does with the questions that follow the first, one after the other. */
let faults: (Fault | undefined)[]
beforeAll(async () => {
  azurite = await startAzurite()
})
beforeEach(() => {
  faults = []
})
afterAll(() => azurite.close())

/** A service that has an entry, whose bytes are in the store. */
async function startWithEntry(): Promise<Cached> {
  const cached = await startCached(azurite, {
    fault: ({ index }) => (index === 0 ? undefined : faults[index - 1]),
  })
  await put(cached, BYTES)
  return cached
}

function put({ service }: Cached, bytes: Buffer, saved = key()): Promise<void> {
  return azurite.put(service.save({ key: saved, version: VERSION }), bytes)
}

/** Opens the entry that is found, or another one, as a restore does. */
async function open(cached: Cached, changed: Partial<CacheEntry> = {}, concurrency = 4) {
  const entry = await cached.find()
  if (entry === undefined) throw new Error('there is no entry')
  const client = new EntryClient({ ...entry, ...changed }, cached.options)
  const options = {
    ...cached.options,
    client,
    concurrency,
    chunkBytes: CHUNK_BYTES,
    discoveryTimeoutMs: 60_000,
    headersTimeoutMs: 60_000,
    attemptsFor: () => cached.attempts(),
  }
  const snapshot = await openSnapshot(client.url, options)
  return { snapshot, entry, rest: () => new Reader(download(snapshot, options)).rest() }
}

describe('an entry of the Actions cache is read', () => {
  it.each([1, 4])('from the blob store, pinned to its ETag (concurrency %i)', async (concurrency) => {
    const cached = await startWithEntry()
    const { snapshot, entry, rest } = await open(cached, {}, concurrency)
    expect(snapshot).toMatchObject({
      kind: concurrency === 1 ? 'stream' : 'ranges',
      total: BYTES.length,
      etag: expect.stringMatching(/^"0x/),
      url: entry.url,
    })
    expect(await rest()).toEqual(BYTES)
    expect(cached.service.log).toHaveLength(1)
  })

  it('by requests that are held to the ETag and have no token', async () => {
    const blobs = await startObjectServer({ bytes: BYTES })
    onTestFinished(() => blobs.close())
    const store: BlobStore = { sign: (blob) => `${blobs.url}/${blob}?sig=s1gnature` }
    const cached = await startCached(store)
    cached.save(key())
    const { rest } = await open(cached)
    expect(await rest()).toEqual(BYTES)
    expect(blobs.log.length).toBeGreaterThan(1)
    expect(blobs.log.every(({ headers }) => headers.authorization === undefined)).toBe(true)
    expect(blobs.log.slice(1).every(({ ifMatch }) => ifMatch === '"v1"')).toBe(true)
  })

  it('not with a signature that has expired', async () => {
    const cached = await startWithEntry()
    cached.service.lifetimeMs = -HOUR_MS
    expect(await failureOf(open(cached))).toMatchObject({
      code: 'ACCESS_DENIED',
      words: expect.stringContaining('answered 403'),
    })
  })

  it.each([
    ['the signature', (url: URL) => url.searchParams.set('sig', 'A'.repeat(43).concat('='))],
    ['what it is for', (url: URL) => url.searchParams.set('sp', 'rw')],
    ['its end', (url: URL) => url.searchParams.set('se', '2099-01-01T00:00:00Z')],
    ['the blob', (url: URL) => Object.assign(url, { pathname: `${url.pathname}-2` })],
  ])('not with an address in which %s was changed', async (_, change) => {
    const cached = await startWithEntry()
    const url = new URL((await cached.find())?.url ?? '')
    change(url)
    expect(await failureOf(open(cached, { url }))).toMatchObject({ code: 'ACCESS_DENIED' })
  })
})

describe('an entry whose signature expires while it is read', () => {
  /** Reads an entry whose signature expires when it was opened, and something happens to the entry as well. */
  async function readExpired(meanwhile: (cached: Cached) => Promise<void> | void = () => {}) {
    const cached = await startWithEntry()
    const { rest, entry } = await open(cached)
    await azurite.advance(cached.service.lifetimeMs + 1000)
    await meanwhile(cached)
    return { cached, entry, reading: rest() }
  }

  it('is read on with a new one, that is asked for once and kept out of the log', async () => {
    const { cached, entry, reading } = await readExpired()
    expect(await reading).toEqual(BYTES)
    expect(cached.service.asked.slice(1)).toEqual([{ key: key(), restore_keys: [], version: VERSION }])
    const queries = cached.secrets.filter((secret) => secret.includes('sig='))
    expect(queries).toEqual([entry.url.search.slice(1), expect.stringContaining('sig=')])
    expect(new Set(queries).size).toBe(2)
  })

  it('is the same where a newer one is there by then', async () => {
    const newer = (cached: Cached) => put(cached, pattern(5), key({ commit: commit(2) }))
    expect(await (await readExpired(newer)).reading).toEqual(BYTES)
  })

  it('is asked for again where the service fails once', async () => {
    faults = [{ status: 503 }]
    const { cached, reading } = await readExpired()
    expect(await reading).toEqual(BYTES)
    expect(cached.retried).toEqual([expect.stringContaining('answered 503')])
  })

  it('is given up where the service refuses', async () => {
    faults = [{ status: 403 }]
    const { reading } = await readExpired()
    expect(await failureOf(reading)).toMatchObject({ code: 'ACCESS_DENIED' })
  })

  it('is another snapshot where it was evicted', async () => {
    const { reading } = await readExpired((cached) => void cached.service.entries.pop())
    expect(await failureOf(reading)).toMatchObject({
      code: 'SNAPSHOT_CHANGED',
      words: expect.stringContaining(`no longer has the entry ${key()}`),
    })
  })

  it('is another snapshot where it was saved anew', async () => {
    const { reading } = await readExpired((cached) => {
      cached.service.entries.pop()
      return put(cached, pattern(BYTES.length))
    })
    expect(await failureOf(reading)).toMatchObject({ code: 'SNAPSHOT_CHANGED' })
  })
})
