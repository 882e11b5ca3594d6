import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { staysInDotGit } from '../../src/git/dotgit.ts'
import { DEFAULT_LIMITS } from '../../src/unpack/policy.ts'
import { type Tree, TreeBuilder } from '../../src/unpack/tree.ts'
import { unpack } from '../../src/unpack/unpack.ts'
import { skippableFrame, tar, zstdFrame } from '../support/archive.ts'
import { CASES, type Contents } from './cases.ts'
import { BufferStream, everyBytes, type Listing, listing, temporaryDirectory } from './fixture.ts'

const MTIME = 1_600_000_000
const UMASK = process.umask()

interface Place {
  /** Holds all the others. */
  readonly directory: string
  readonly tree: string
  readonly outside: string
}

/** A tree to be built, with something beside it that nothing may touch. */
function makePlace(): Place {
  const directory = temporaryDirectory()
  const [tree, outside] = [join(directory, 'tree'), join(directory, 'outside')]
  for (const name of [tree, outside, join(directory, 'tree-evil')]) mkdirSync(name, { mode: 0o700 })
  writeFileSync(join(outside, 'secret'), 'secret', { mode: 0o600 })
  return { directory, tree, outside }
}

function elsewhere({ directory }: Place): Listing {
  return new Map([...listing(directory)].filter(([path]) => path === 'tree/' || !path.startsWith('tree/')))
}

async function unpackInto(place: Place, stream: BufferStream, commit?: string): Promise<Tree> {
  const tree = new TreeBuilder({
    root: place.tree,
    writers: 1,
    limits: DEFAULT_LIMITS,
    staysInDotGit,
    mtime: MTIME,
  })
  try {
    return await unpack(stream, tree, { decoders: 2, commit })
  } finally {
    await tree.close()
  }
}

function expectedListing(contents: Contents, { outside }: Place): Record<string, string> {
  const octal = (mode: number): string => (mode & ~UMASK).toString(8)
  return Object.fromEntries(
    Object.entries(contents).map(([path, what]) => {
      if (typeof what === 'string') return [path, `${octal(0o666)} ${what}`]
      if (what.kind === 'executable') return [path, `${octal(0o777)} ${what.content}`]
      if (what.kind === 'directory') return [path, octal(0o777)]
      return [path, `-> ${what.target === 'OUTSIDE' ? outside : what.target}`]
    }),
  )
}

describe('an archive', () => {
  it.each(CASES)('$id, $title', async ({ archive, expected }) => {
    const place = makePlace()
    const before = elsewhere(place)
    const bytes = zstdFrame(archive(place.outside), { checksum: true })
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
    const names = CASES.map(({ id, title }) => `${id} ${title}`)
    expect(new Set(names).size).toBe(names.length)
  })
})

describe('a snapshot', () => {
  it.each([
    ['no bytes', Buffer.alloc(0)],
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
    for (const [commit, length] of [
      ['1'.repeat(40), 60],
      ['1'.repeat(64), 72],
      [undefined, 60],
    ] as const) {
      const { recordOf } = await unpackInto(makePlace(), new BufferStream(bytes), commit)
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
