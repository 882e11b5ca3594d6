import { readdirSync, statSync, truncateSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makePlace, unpackInto } from '../archives/place.ts'
import { pzstd, tar } from '../support/archive.ts'
import { BufferStream, everyBytes, listing } from '../unpack/fixture.ts'
import { archive, COMMIT, ETAG, MINUTE_MS, NAME, read, readAll, StorePlace, sha256Of } from './place.ts'

const BYTES = archive(1)

describe('a snapshot that was recorded', () => {
  it('is found by the next job with all that its source said of it', async () => {
    const place = new StorePlace()
    expect(await place.keep(BYTES)).toBe('kept')
    const { facts } = await place.reader()
    expect(facts).toEqual({
      name: NAME,
      etag: ETAG,
      commit: COMMIT,
      bytes: BYTES.length,
      sha256: sha256Of(BYTES),
      openedAt: place.now,
    })
    expect(await place.content()).toEqual(BYTES)
    expect(place.lines).toEqual([])
  })

  it('lies in the layout of the tool cache, under the digest of its content', async () => {
    const place = new StorePlace()
    await place.keep(BYTES)
    const { entry } = place
    const [tools, name, version, arch, ...more] = relative(place.directory, entry).split('/')
    expect([tools, version, arch, more]).toEqual(['git-snapshot', `0.0.0-e${sha256Of(BYTES)}`, 'x64', []])
    expect(name).toMatch(/^[A-Za-z0-9.-]*github\.com-octo-project-snapshot\.tar\.zst-[0-9a-f]{16}$/)
    expect(statSync(`${entry}.complete`).size).toBe(0)
    expect(readdirSync(entry).sort()).toEqual(['facts.json', 'snapshot.tar.zst'])
    expect(readdirSync(dirname(entry)).sort()).toEqual(['x64', 'x64.complete'])
    expect(place.claims).toEqual([])
  })

  it.each([
    ['any byte of latin1', { etag: '"\u00e4 \u00ff!"', commit: undefined }],
    ['no quotes', { etag: 'abc', commit: 'd'.repeat(64) }],
    ['none', { etag: undefined, commit: undefined }],
  ])('keeps an ETag with %s', async (_, { etag, commit }) => {
    const place = new StorePlace()
    const recorder = place.store().recorder({ name: NAME, etag, commit, bytes: undefined })
    await read(recorder.tee(new BufferStream(BYTES)))
    expect(await recorder.commit()).toBe('kept')
    const { facts } = await place.reader()
    expect([facts.etag, facts.commit]).toEqual([etag, commit])
  })

  it('is that of its name alone, however alike names are', async () => {
    const place = new StorePlace()
    const names = ['a/b', 'a-b', 'A/b', '../a/b', `${'x'.repeat(500)}/a/b`, 'ä/b', '']
    for (const [index, name] of names.entries()) await place.keep(archive(index + 1), { name })
    for (const [index, name] of names.entries()) {
      expect(await place.content(name)).toEqual(archive(index + 1))
    }
    expect(await place.content('a')).toBeUndefined()
    expect(readdirSync(dirname(place.directory))).toEqual([basename(place.directory)])
  })

  it('is not found by another architecture', async () => {
    const place = new StorePlace()
    await place.keep(BYTES)
    expect(await place.find(NAME, { arch: 'arm64' })).toBeUndefined()
  })

  it('takes the place of the one before', async () => {
    const place = new StorePlace()
    await place.keep(BYTES)
    await place.keep(archive(2), { etag: '"e-2"' })
    expect((await place.find())?.facts.etag).toBe('"e-2"')
    expect(place.entries).toHaveLength(1)
  })

  it('stays beside the one before while somebody reads that, and gives all of both', async () => {
    const place = new StorePlace()
    await place.keep(BYTES)
    const reader = await place.reader()
    await place.keep(archive(2), { etag: '"e-2"' })
    expect(place.entries).toHaveLength(2)
    expect(await place.content()).toEqual(archive(2))
    expect(await readAll(reader)).toEqual(BYTES)
    await reader.close()
    await place.keep(archive(3), { etag: '"e-3"' })
    expect(place.entries).toHaveLength(1)
  })

  it('does not hide one that was opened later and recorded faster', async () => {
    const place = new StorePlace()
    const slow = place.recorder(undefined)
    const slowly = slow.tee(new BufferStream(BYTES))
    await place.keep(archive(2), { etag: '"e-2"' })
    await read(slowly)
    expect(await slow.commit()).toBe('kept')
    expect((await place.find())?.facts.etag).toBe('"e-2"')
  })

  it('that has the same content as the one before brings the newer facts', async () => {
    const place = new StorePlace()
    await place.keep(BYTES)
    expect(await place.keep(BYTES, { etag: '"e-2"' })).toBe('kept')
    expect((await place.find())?.facts).toMatchObject({ etag: '"e-2"', openedAt: place.now })
    expect(place.entries).toHaveLength(1)
    expect(place.claims.filter((path) => path.includes('recording'))).toEqual([])
  })

  it('that two jobs record at once is one, and whole', async () => {
    const place = new StorePlace()
    const recorders = ['"e-1"', '"e-2"'].map((etag) => place.recorder(BYTES.length, { etag }))
    const streams = recorders.map((recorder) => recorder.tee(new BufferStream(BYTES)))
    await Promise.all(streams.map(read))
    expect(await Promise.all(recorders.map((recorder) => recorder.commit()))).toEqual(['kept', 'kept'])
    expect(await place.content()).toEqual(BYTES)
    expect(place.entries).toHaveLength(1)
    expect(place.claims).toEqual([])
  })

  it('unpacks as it would from its source', async () => {
    const place = new StorePlace()
    const contents = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`file ${index}`, archive(index, 50_000).toString('latin1')]),
    )
    const input = tar(
      Object.entries(contents).map(([name, content]) => ({ name, body: Buffer.from(content, 'latin1') })),
    )
    const bytes = Buffer.concat(await Array.fromAsync(pzstd([input], { frameBytes: 100_000 })))
    const [streamed, stored] = [makePlace(), makePlace()]
    const recorder = place.recorder(bytes.length)
    await unpackInto(streamed, recorder.tee(new BufferStream(bytes, { cuts: everyBytes(bytes.length, 999) })))
    expect(await recorder.commit()).toBe('kept')
    await unpackInto(stored, (await place.reader()).stream(new AbortController().signal))
    expect(listing(stored.tree).size).toBe(20)
    expect(listing(stored.tree)).toEqual(listing(streamed.tree))
  })

  it('that has the same content as a damaged one replaces it', async () => {
    const place = new StorePlace()
    await place.keep(BYTES)
    truncateSync(join(place.entry, 'snapshot.tar.zst'), 5)
    await place.keep(BYTES)
    expect(await place.content()).toEqual(BYTES)
  })
})

describe('the age of a snapshot', () => {
  it('is counted from when it was opened, and anew from each word of its source', async () => {
    const place = new StorePlace()
    await place.keep(BYTES)
    place.now += 5 * MINUTE_MS
    const stored = await place.reader()
    expect(stored.checkedMsAgo).toBe(5 * MINUTE_MS)
    await stored.confirm()
    place.now += MINUTE_MS
    expect((await place.find())?.checkedMsAgo).toBe(MINUTE_MS)
  })

  it('is infinite where the clock has been put back', async () => {
    const place = new StorePlace()
    await place.keep(BYTES)
    place.now -= 1
    expect((await place.find())?.checkedMsAgo).toBe(Number.POSITIVE_INFINITY)
  })

  it('may be confirmed of one that is gone', async () => {
    const place = new StorePlace()
    await place.keep(BYTES)
    const [one, other] = [await place.reader(), await place.reader()]
    await one.remove()
    await other.confirm()
    expect(await readAll(other)).toEqual(BYTES)
    expect(await place.find()).toBeUndefined()
  })
})
