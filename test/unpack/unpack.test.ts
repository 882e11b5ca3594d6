import { describe, expect, it } from 'vitest'
import type { Contents } from '../archives/cases.ts'
import { expectedListing, makePlace, unpackInto } from '../archives/place.ts'
import { skippableFrame, tar, zstdFrame } from '../support/archive.ts'
import { BufferStream, everyBytes, listing } from './fixture.ts'

describe('a snapshot', () => {
  it.each([
    ['a skippable frame', skippableFrame(Buffer.alloc(100))],
    ['an empty frame', zstdFrame(Buffer.alloc(0))],
  ])('of %s is empty', async (_, bytes) => {
    const result = unpackInto(makePlace(), new BufferStream(bytes))
    await expect(result).rejects.toMatchObject({ code: 'EMPTY_SNAPSHOT' })
  })

  it('may be cut into frames anywhere', async () => {
    const archive = tar([
      { name: './', type: 'directory' },
      { name: './a', body: 'a'.repeat(700) },
      { name: './b/c', body: 'c', mode: 0o755 },
    ])
    const bytes = Buffer.concat(
      [0, 3, 512, 1000, 1001, 2500, archive.length].map((cut, index, cuts) =>
        zstdFrame(archive.subarray(cuts[index - 1] ?? 0, cut)),
      ),
    )
    const place = makePlace()
    await unpackInto(place, new BufferStream(bytes, { cuts: everyBytes(bytes.length, 10) }))
    const expected: Contents = {
      a: 'a'.repeat(700),
      'b/': { kind: 'directory' },
      'b/c': { kind: 'executable', content: 'c' },
    }
    expect(Object.fromEntries(listing(place.tree))).toEqual(expectedListing(expected, place))
  })

  it('has object ids as long as its commit’s', async () => {
    const bytes = zstdFrame(tar([{ name: 'f', body: 'x' }]))
    for (const [options, length] of [
      [{ commit: '1'.repeat(40) }, 60],
      [{ commit: '1'.repeat(64) }, 72],
      [{}, 60],
    ] as const) {
      const { recordOf } = await unpackInto(makePlace(), new BufferStream(bytes), options)
      expect(recordOf('f')).toHaveLength(length)
    }
  })

  it('that fails ends the download', async () => {
    const bytes = Buffer.concat(
      Array.from({ length: 50 }, () => zstdFrame(tar([{ name: '../f', body: 'x' }]))),
    )
    const stream = new BufferStream(bytes, { cuts: everyBytes(bytes.length, 10), holdBytes: 1000 })
    await expect(unpackInto(makePlace(), stream)).rejects.toMatchObject({ code: 'UNSAFE_ENTRY' })
    expect(stream.cancelled).toBeDefined()
    expect(stream.ended).toBe(true)
  })

  it('that cannot be downloaded fails for that', async () => {
    const failure = new Error('the network is gone')
    const stream = new BufferStream(zstdFrame(tar([{ name: 'f', body: 'x' }])), { failure })
    await expect(unpackInto(makePlace(), stream)).rejects.toBe(failure)
  })
})
