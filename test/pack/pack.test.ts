import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { type PackOptions, packDirectory, packInto } from '../../src/pack/pack.ts'
import { Source } from '../../src/pack/source.ts'
import { TarBlocks } from '../../src/pack/tar-blocks.ts'
import { makePlace, unpackInto } from '../archives/place.ts'
import { skipWithout } from '../support/programs.ts'
import { temporary } from '../support/temporary.ts'
import { BufferStream, everyBytes, sampleBytes } from '../unpack/fixture.ts'
import { expectFrames } from '../unpack/scanned-frames.ts'
import { asGitSees, type Contents, directory, linkTo, MIB, MTIME, makeTree, VARIED } from './packed-tree.ts'

const MANY: Contents = Object.fromEntries(
  Array.from({ length: 2000 }, (_, index) => [`many/${index % 20}/${index}`, `${index}`.repeat(index % 90)]),
)
const LARGE: Contents = {
  '.git/objects/pack/pack-1.pack': sampleBytes(9 * MIB),
  large: sampleBytes(12 * MIB, 2),
}

function scene(contents: Contents): {
  readonly tree: string
  readonly options: PackOptions
  readonly file: string
} {
  const place = temporary()
  const tree = join(place, 'tree')
  mkdirSync(tree)
  makeTree(tree, contents)
  const { signal } = new AbortController()
  const options = { directory: tree, level: 3, mtime: MTIME, keeps: () => true, signal }
  return { tree, options, file: join(place, 'packed.tar.zst') }
}

/** The archive that is compressed. */
function tarOf({ directory: root, ...options }: PackOptions): Buffer {
  return Buffer.concat([...new TarBlocks(new Source(root), options)].map(({ bytes }) => bytes))
}

describe('a packed directory', () => {
  it.for([
    ['zstd', 'tar'],
    ['pzstd', 'tar'],
    ['zstd', 'bsdtar'],
  ] as const)('is unpacked to the same tree by %s and %s', async ([zstd, tar], context) => {
    skipWithout(context, zstd, tar)
    const { tree, options, file } = scene({ ...VARIED, ...MANY, ...LARGE })
    await packInto(file, options)
    const out = temporary()
    execFileSync('sh', ['-c', `${zstd} -q -dc "$1" | ${tar} -xpf - -C "$2"`, 'sh', file, out])
    expect(asGitSees(out)).toEqual(asGitSees(tree))
  })

  it('is unpacked to the same tree by a restore, which hears of .git before the other files', async () => {
    const { tree, options } = scene({ ...VARIED, ...MANY, ...LARGE })
    const bytes = await buffer(packDirectory(options))
    const stream = new BufferStream(bytes, { cuts: everyBytes(bytes.length, 100_000) })
    const place = makePlace()
    let told = 0
    await unpackInto(place, stream, {
      onDotGit: () => {
        told += 1
      },
    })
    expect(asGitSees(place.tree)).toEqual(asGitSees(tree))
    expect(told).toBe(1)
  })

  it('is in frames of 8 MiB, of which each tells its size', async () => {
    const { options } = scene({ ...VARIED, ...LARGE })
    const bytes = await buffer(packDirectory(options))
    const frames = expectFrames(bytes, tarOf(options))
    expect(frames.map(({ header }) => header.contentBytes)).toEqual([
      ...Array.from({ length: 2 }, () => 8 * MIB),
      tarOf(options).length - 16 * MIB,
    ])
  })

  it('is the same bytes each time, whenever its files were made', async () => {
    const { tree, options } = scene({ ...VARIED, ...MANY })
    const first = await buffer(packDirectory(options))
    utimesSync(join(tree, 'empty'), 1, 1)
    writeFileSync(join(tree, 'new'), '')
    rmSync(join(tree, 'new'))
    const second = await buffer(packDirectory(options))
    expect(first.equals(second)).toBe(true)
  })

  it('tells how much has been packed', async () => {
    const { options } = scene({ file: 'x', link: linkTo('file'), 'directory/file': 'x' })
    const packing = packDirectory(options)
    expect(packing).toMatchObject({ files: 0, unpackedBytes: 0 })
    await buffer(packing)
    expect(packing).toMatchObject({ files: 3, unpackedBytes: 10_240 })
  })
})

describe('a directory packed into a file', () => {
  it('is told with the sizes', async () => {
    const { options, file } = scene(VARIED)
    const packed = await packInto(file, options)
    const unpackedBytes = tarOf(options).length
    const files = Object.values(VARIED).filter((made) => made !== directory).length
    expect(packed).toEqual({ files, unpackedBytes, bytes: statSync(file).size })
    expect(readFileSync(file)).toEqual(await buffer(packDirectory(options)))
  })

  it('takes no other file’s place', async () => {
    const { options, file } = scene(VARIED)
    writeFileSync(file, 'mine')
    await expect(packInto(file, options)).rejects.toMatchObject({ code: 'EEXIST' })
    expect(readFileSync(file, 'utf8')).toBe('mine')
  })

  it('leaves nothing behind when it fails', async () => {
    const { options, file } = scene({ ...VARIED, ...LARGE })
    const failure = new Error('not to be asked')
    const keeps = (path: string): boolean => {
      if (path === 'large') throw failure
      return true
    }
    await expect(packInto(file, { ...options, keeps })).rejects.toBe(failure)
    expect(existsSync(file)).toBe(false)
  })

  it.each(['.git', 'large', 'odd'])('leaves nothing behind when it is aborted at %s', async (last) => {
    const { options, file } = scene({ ...VARIED, ...LARGE })
    const abort = new AbortController()
    const reason = new Error('the job was cancelled')
    const keeps = (path: string): boolean => {
      if (path === last) abort.abort(reason)
      return true
    }
    await expect(packInto(file, { ...options, keeps, signal: abort.signal })).rejects.toBe(reason)
    expect(existsSync(file)).toBe(false)
  })
})
