import { describe, expect, it } from 'vitest'
import { BufferStream } from '../unpack/fixture.ts'
import { archive, MINUTE_MS, read, StorePlace, setTime } from './place.ts'

/** Room for three snapshots of 10,000 bytes and their facts. */
const maxBytes = 35_000

describe('a store that is full', () => {
  it('gives up what has not been used for the longest time', async () => {
    const place = await StorePlace.of('a', 'b', 'c')
    place.now += MINUTE_MS
    expect(await place.content('a')).toEqual(archive(1))
    expect(await place.keep(archive(4), { name: 'd' }, { maxBytes })).toBe('kept')
    expect(await place.names('a', 'b', 'c', 'd')).toEqual(['a', 'c', 'd'])
  })

  it('gives up as many as it takes', async () => {
    const place = await StorePlace.of('a', 'b', 'c')
    expect(await place.keep(archive(4, 30_000), { name: 'd' }, { maxBytes })).toBe('kept')
    expect(await place.names('a', 'b', 'c', 'd')).toEqual(['d'])
    expect(place.lines).toEqual([])
  })

  it('gives up nothing while there is room', async () => {
    const place = await StorePlace.of('a', 'b')
    expect(await place.keep(archive(3), { name: 'c' }, { maxBytes })).toBe('kept')
    expect(await place.names('a', 'b', 'c')).toEqual(['a', 'b', 'c'])
  })

  it('keeps what is being read, however old', async () => {
    const place = await StorePlace.of('a', 'b', 'c')
    const reader = await place.find('a')
    expect(reader).toBeDefined()
    for (const entry of place.entries) {
      setTime(`${entry}.complete`, entry.includes('/a-') ? place.now - 60 * MINUTE_MS : place.now)
    }
    expect(await place.keep(archive(4), { name: 'd' }, { maxBytes })).toBe('kept')
    expect(await place.names('a', 'd')).toEqual(['a', 'd'])
  })

  it('takes nothing more where all of it is being read', async () => {
    const place = await StorePlace.of('a', 'b', 'c')
    const readers = await Promise.all(['a', 'b', 'c'].map((name) => place.find(name)))
    expect(readers).not.toContain(undefined)
    expect(await place.keep(archive(4), { name: 'd' }, { maxBytes })).toBe('dropped')
    expect(await place.names('a', 'b', 'c', 'd')).toEqual(['a', 'b', 'c'])
    expect(place.lines).toEqual([expect.stringMatching(/bytes of it are in use, and 10000 more do not fit/)])
  })

  it('gives up nothing for a snapshot that is larger than all of it', async () => {
    const place = await StorePlace.of('a', 'b')
    expect(await place.keep(archive(3, maxBytes + 1), { name: 'c' }, { maxBytes })).toBe('dropped')
    expect(await place.names('a', 'b', 'c')).toEqual(['a', 'b'])
    expect(place.lines).toEqual([expect.stringMatching(/more than 35000 bytes; raise store-max-bytes/)])
  })

  it('ends the recording of one that turns out to be larger than all of it, and not the stream', async () => {
    const place = await StorePlace.of('a')
    const bytes = archive(2, maxBytes + 1)
    const recorder = place.recorder(undefined, { name: 'b' }, { maxBytes })
    expect(await read(recorder.tee(new BufferStream(bytes, { cuts: [20_000] })))).toEqual(bytes)
    expect(await recorder.commit()).toBe('dropped')
    expect(place.claims).toEqual([])
    expect(await place.names('a', 'b')).toEqual(['a'])
  })

  it('makes room afterwards for one of unknown length, and keeps that', async () => {
    const place = await StorePlace.of('a', 'b', 'c')
    expect(await place.find('c')).toBeDefined()
    place.now += MINUTE_MS
    const recorder = place.recorder(undefined, { name: 'd' }, { maxBytes })
    await read(recorder.tee(new BufferStream(archive(4, 30_000))))
    expect(await recorder.commit()).toBe('kept')
    expect(await place.names('a', 'b', 'c', 'd')).toEqual(['c', 'd'])
  })
})
