import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { zstdFrame } from '../support/archive.ts'
import { type ObjectServer, startObjectServer } from '../support/object-server.ts'
import { BufferStream, everyBytes, listing } from '../unpack/fixture.ts'
import { CASES } from './cases.ts'
import { elsewhere, expectedListing, makePlace, unpackInto } from './place.ts'
import { Step } from './step.ts'

const compressed = (archive: Buffer): Buffer => zstdFrame(archive, { checksum: true })

/** By the names of their tests, which vitest would cut off. */
const named = CASES.map((row) => [`${row.id}: ${row.title}`, row] as const)

describe('an archive', () => {
  it.for(named)('%s', async ([, { archive, expected }]) => {
    const place = makePlace()
    const before = elsewhere(place)
    const bytes = compressed(archive(place.outside))
    const stream = new BufferStream(bytes, { cuts: everyBytes(bytes.length, 1000) })
    const result = unpackInto(place, stream)
    if (typeof expected === 'string') await expect(result).rejects.toMatchObject({ code: expected })
    else {
      await result
      expect(Object.fromEntries(listing(place.tree))).toEqual(expectedListing(expected, place))
    }
    expect(elsewhere(place)).toEqual(before)
    expect(stream.ended).toBe(true)
  })

  it('has cases of different names', () => {
    expect(new Set(named.map(([name]) => name)).size).toBe(named.length)
  })
})

describe('a step that refuses an archive leaves everything as it was', () => {
  let server: ObjectServer
  let revision = 0
  beforeAll(async () => {
    server = await startObjectServer({ bytes: Buffer.alloc(1) })
  })
  afterAll(() => server.close())

  /** Without a .git, what may be unpacked is refused in the end all the same. */
  it.for(named)('%s, through the whole step', async ([, { archive, expected }]) => {
    const step = new Step()
    const before = step.state
    revision += 1
    server.replace(compressed(archive(step.outside)), `"v${revision}"`)
    const code = typeof expected === 'string' ? expected : 'UNSAFE_GIT'
    await expect(step.run(`${server.url}/snapshot.tar.zst`)).rejects.toMatchObject({ code })
    expect(step.state).toEqual(before)
  })
})
