import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { toLatin1 } from '../../src/on-disk.ts'
import { BLOCK_BYTES } from '../../src/unpack/tree-job.ts'
import { type TarEntry, tar, zstdFrame } from '../support/archive.ts'
import { BufferStream, listing, sampleBytes } from '../unpack/fixture.ts'
import { elsewhere, makePlace, type Place, unpackInto } from './place.ts'

const streamOf = (entries: readonly TarEntry[]): BufferStream => new BufferStream(zstdFrame(tar(entries)))

const symlink = (name: string): TarEntry => ({ name, type: 'symlink', linkname: '../outside' })
const hardlink = (name: string): TarEntry => ({ name, type: 'hardlink', linkname: 'f' })

/** An archive of two names that such a disk takes for one: the second finds its place taken. */
interface Collision {
  readonly id: string
  readonly what: string
  readonly entries: readonly TarEntry[]
  /** What a folding disk would say is there when the second name comes. */
  readonly taken: { readonly name: string; readonly kind: 'file' | 'directory' }
}

const FOLDED: readonly Collision[] = [
  {
    id: 'T36',
    what: 'a symlink and a directory that differ in their normalisation',
    entries: [symlink('\u00e9'), { name: 'e\u0301/x', body: 'x' }],
    taken: { name: '\u00e9', kind: 'directory' },
  },
  {
    id: 'T37',
    what: 'a symlink and a directory that differ in their case folding',
    entries: [symlink('\u00df'), { name: 'ss/x', body: 'x' }],
    taken: { name: '\u00df', kind: 'directory' },
  },
  {
    id: 'T37',
    what: 'directories in .git that differ in their case',
    entries: [{ name: '.git/refs/heads/d/x' }, { name: '.git/refs/heads/D/y' }],
    taken: { name: '.git/refs/heads/D', kind: 'directory' },
  },
  {
    id: 'T37',
    what: 'files in .git that differ in their case',
    entries: [{ name: '.git/refs/heads/x' }, { name: '.git/refs/heads/X' }],
    taken: { name: '.git/refs/heads/X', kind: 'file' },
  },
  {
    id: 'T37',
    what: 'a file and a directory that differ in their case',
    entries: [{ name: 'D' }, { name: 'd/x' }],
    taken: { name: 'd', kind: 'file' },
  },
  {
    id: 'T37',
    what: 'a directory and a file that differ in their case',
    entries: [
      { name: 'd/x', body: 'x' },
      { name: 'D', body: 'y' },
    ],
    taken: { name: 'D', kind: 'directory' },
  },
  {
    id: 'T37',
    what: 'a hard link and a file that differ in their case',
    entries: [{ name: 'f' }, { name: 'g' }, hardlink('G')],
    taken: { name: 'G', kind: 'file' },
  },
  {
    id: 'T37',
    what: 'a symlink and a file that differ in their case',
    entries: [{ name: 'g' }, symlink('G')],
    taken: { name: 'G', kind: 'file' },
  },
]

function take({ tree }: Place, { name, kind }: Collision['taken']): string {
  const place = join(tree, name)
  mkdirSync(dirname(place), { recursive: true })
  if (kind === 'directory') mkdirSync(place)
  else writeFileSync(place, 'earlier')
  return place
}

describe('on a disk that takes two names for one, an archive is refused', () => {
  it.for(FOLDED.map((row) => [`${row.id}: ${row.what}`, row] as const))('%s', async ([, row]) => {
    const place = makePlace()
    const taken = take(place, row.taken)
    const before = elsewhere(place)
    await expect(unpackInto(place, streamOf(row.entries))).rejects.toMatchObject({
      code: 'UNSAFE_ENTRY',
      message: expect.stringMatching(
        /^the archive is refused at ".*": this file system takes it for the same/,
      ),
    })
    if (row.taken.kind === 'file') expect(readFileSync(taken, 'utf8')).toBe('earlier')
    expect(elsewhere(place)).toEqual(before)
  })
})

describe('on a disk that takes two names for one, as in a clone by git', () => {
  const large = (name: string): TarEntry => ({ name, body: sampleBytes(2 * BLOCK_BYTES + 5) })

  it.for<[string, TarEntry]>([
    ['T36: of files that differ in their normalisation', { name: 'd/e\u0301', body: '2' }],
    ['T37: of files that differ in their case', { name: 'd/A', body: '2' }],
    ['T37: of large files that differ in their case', large('d/A')],
  ])('%s nothing is known, as git then writes every file', async ([, second]) => {
    const place = makePlace()
    const taken = take(place, { name: `${second.name}`, kind: 'file' })
    const entries = [{ name: 'c', body: '1' }, second, { name: 'e', body: '3' }]
    const { recordOf } = await unpackInto(place, streamOf(entries))
    expect(readFileSync(taken, 'utf8')).toBe('earlier')
    for (const name of [`${second.name}`, 'c', 'e']) expect(recordOf(toLatin1(name))).toBeUndefined()
  })

  it('T37: directories that differ in their case are one', async () => {
    const place = makePlace()
    take(place, { name: 'D', kind: 'directory' })
    await unpackInto(
      place,
      streamOf([
        { name: 'D/', type: 'directory' },
        { name: 'D/y', body: 'y' },
      ]),
    )
    expect(readFileSync(join(place.tree, 'D/y'), 'utf8')).toBe('y')
  })
})

const DEVICES = ['CON', 'nul', 'aux.txt', 'PRN .c', 'com1', 'LPT9.x.y', 'COM\u00b2', 'conin$', 'CONOUT$']
const NO_WINDOWS_NAMES = [
  ...['..\\..\\x', 'C:\\x', 'C:x', '\\\\srv\\share', 'a:stream', 'dot.', 'sp ', 'a\tb', 'a|b', 'a*', 'a?'],
  ...['<a', 'a>', '"a"', ...DEVICES],
]
const WINDOWS_NAMES = [
  'console',
  'con1',
  'COM',
  'com10',
  'nul_',
  '.aux',
  'a.con',
  '~',
  "it's",
  '\u00e9',
  '-rf',
]

describe('with the names of Windows', () => {
  const naming = 'windows'

  it.for(NO_WINDOWS_NAMES.map((name) => [JSON.stringify(name), name] as const))(
    'T84: %s is refused',
    async ([, name]) => {
      const place = makePlace()
      await expect(unpackInto(place, streamOf([{ name }]), { naming })).rejects.toMatchObject({
        code: 'UNSAFE_ENTRY',
      })
      expect([...listing(place.tree)]).toEqual([])
    },
  )

  it('T84: a name that is no UTF-8 is refused', async () => {
    const result = unpackInto(makePlace(), streamOf([{ name: Buffer.from([0x61, 0xff]) }]), { naming })
    await expect(result).rejects.toMatchObject({ code: 'UNSAFE_ENTRY' })
  })

  it('T84: names that only look a little like those are taken', async () => {
    const place = makePlace()
    await unpackInto(place, streamOf(WINDOWS_NAMES.map((name) => ({ name }))), { naming })
    const found = [...listing(place.tree).keys()].map((name) => Buffer.from(name, 'latin1').toString())
    expect(found.toSorted()).toEqual(WINDOWS_NAMES.toSorted())
  })
})
