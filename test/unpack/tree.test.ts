import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Tree } from '../../src/unpack/tree.ts'
import { BLOCK_BYTES } from '../../src/unpack/tree-job.ts'
import { tar, tarDirectory } from '../support/archive.ts'
import { temporary } from '../support/temporary.ts'
import { build, MTIME } from './built-tree.ts'
import { anyCuts, everyBytes, listing, sampleBytes } from './fixture.ts'

/** What git's index would have of a file: its stat data, mode and object id. */
function expectedRecord(root: string, path: string, format: 'sha1' | 'sha256'): string {
  const place = Buffer.from(`${root}/${path}`, 'latin1')
  const stat = lstatSync(place, { bigint: true })
  const second = 1_000_000_000n
  const regular = (stat.mode & 0o111n) === 0n ? 0o100644n : 0o100755n
  const mode = stat.isSymbolicLink() ? 0o120000n : regular
  const fields = [
    ...[stat.ctimeNs / second, stat.ctimeNs % second, stat.mtimeNs / second, stat.mtimeNs % second],
    ...[stat.dev, stat.ino, mode, stat.uid, stat.gid, stat.size],
  ]
  const record = Buffer.alloc(40)
  fields.forEach((field, index) => void record.writeUInt32BE(Number(BigInt.asUintN(32, field)), 4 * index))
  const content = stat.isSymbolicLink() ? readlinkSync(place, 'buffer') : readFileSync(place)
  const id = createHash(format).update(`blob ${content.length}\0`).update(content).digest('hex')
  return `${record.toString('hex')} ${id}`
}

function recordText(record: Uint8Array | undefined): string | undefined {
  if (record === undefined) return undefined
  const hex = Buffer.from(record).toString('hex')
  return `${hex.slice(0, 80)} ${hex.slice(80)}`
}

/** Expects a record for each file and link of the work tree, and for nothing else. */
function expectRecords(root: string, { recordOf }: Tree, format: 'sha1' | 'sha256'): void {
  const paths = [...listing(root).keys(), 'no such file', '']
  const isTracked = (path: string): boolean => !/^(\.git\/.*|.*\/|no such file|)$/s.test(path)
  const found = paths.map((path) => [path, recordText(recordOf(path))])
  const expected = paths.map((path) => [
    path,
    isTracked(path) ? expectedRecord(root, path, format) : undefined,
  ])
  expect(found).toEqual(expected)
}

function expectTimes(root: string): void {
  const files = [...listing(root).keys()].filter((path) => !path.endsWith('/'))
  const times = files.map((path) => lstatSync(Buffer.from(`${root}/${path}`, 'latin1')).mtimeMs)
  expect(new Set(times)).toEqual(new Set([MTIME * 1000]))
}

/** Files of all sizes that make a difference, links of both kinds, odd names. */
function sampleDirectory(): string {
  const place = temporary()
  const write = (path: string, bytes: number, mode = 0o644): void =>
    writeFileSync(Buffer.from(`${place}/${path}`, 'latin1'), sampleBytes(bytes, bytes + path.length), {
      mode,
    })
  for (const directory of ['.git', '.git/refs', '.git/refs/heads', 'a', 'a/b', 'empty', 'large']) {
    mkdirSync(join(place, directory))
  }
  write('.git/HEAD', 20)
  write('.git/packed-refs', 700)
  write('.git/refs/heads/main', 41)
  for (const size of [0, 1, 511, 512, 513, 1024, 70_000])
    write(`a/${size}`, size, size % 2 === 0 ? 0o755 : 0o644)
  for (const size of [-25, -24, -23, -1, 0, 1]) write(`large/block${size}`, BLOCK_BYTES + size)
  write('large/three', 3 * BLOCK_BYTES + 1234, 0o755)
  write('large/two', 2 * BLOCK_BYTES)
  write('a/b/\xff\xfe\n', 10)
  write(`a/b/${'n'.repeat(200)}`, 1000)
  symlinkSync('../no/where', join(place, 'a/dangling'))
  symlinkSync('t'.repeat(500), join(place, 'to'))
  linkSync(join(place, 'large/three'), join(place, 'three'))
  linkSync(join(place, 'a/513'), join(place, 'z'))
  linkSync(join(place, 'a/513'), join(place, 'zz'))
  return place
}

/** As `listing`, with the permissions that a checkout would give. */
function expectedListing(place: string): Map<string, string> {
  const octal = (mode: number): string => (mode & ~process.umask()).toString(8)
  return new Map(
    [...listing(place)].map(([path, text]) => {
      if (path.endsWith('/')) return [path, octal(0o777)]
      if (text.startsWith('-> ')) return [path, text]
      const [mode = '', ...content] = text.split(' ')
      return [path, `${octal(/[1357]/.test(mode) ? 0o777 : 0o666)} ${content.join(' ')}`]
    }),
  )
}

describe('a tree', () => {
  it.for([
    { writers: 1, pieceBytes: 320 * 1024, hash: 'sha1' },
    { writers: 2, pieceBytes: 512, hash: 'sha1' },
    { writers: 3, pieceBytes: 1_000_003, hash: 'sha256' },
    { writers: 2, pieceBytes: 2 ** 30, hash: 'sha1' },
  ] as const)(
    'is what the archive’s directory is: $writers writers, $pieceBytes bytes a time',
    async (options) => {
      const { writers, pieceBytes, hash } = options
      const [place, root] = [sampleDirectory(), temporary()]
      const archive = Buffer.concat([...tarDirectory(place)])
      const tree = await build(archive, everyBytes(archive.length, pieceBytes), { writers, root, hash })
      const found = listing(root)
      for (const [path, text] of expectedListing(place)) expect(found.get(path) === text, path).toBe(true)
      expect(found.size).toBe(expectedListing(place).size)
      expectTimes(root)
      expectRecords(root, tree, hash)
      expect(statSync(join(root, 'three')).ino).toBe(statSync(join(root, 'large/three')).ino)
      expect(statSync(join(root, 'z')).nlink).toBe(3)
      const files = [...found.keys()].filter((path) => !path.endsWith('/'))
      expect(tree.files).toBe(files.length)
      expect(tree.skipped).toBe(0)
    },
  )

  it('is the same in pieces of one byte, and of any size', async () => {
    const entries = [
      { name: './', type: 'directory' },
      { name: './a', body: sampleBytes(700), mode: 0o755 },
      { name: `./d/${'n'.repeat(150)}`, body: 'long' },
      { name: './.git/HEAD', body: 'head' },
      { name: './e', body: '' },
      { name: './l', type: 'symlink', linkname: 'a' },
      { name: './h', type: 'hardlink', linkname: './a' },
    ]
    const archive = tar(entries)
    const first = temporary()
    await build(archive, [], { root: first })
    const expected = listing(first)
    const expectSame = async (cuts: readonly number[]): Promise<void> => {
      const root = temporary()
      const tree = await build(archive, cuts, { root })
      expect(listing(root)).toEqual(expected)
      expectRecords(root, tree, 'sha1')
      expect(tree.bytes).toBe(700 + 4 + 4)
      expect(tree.files).toBe(6)
    }
    await expectSame(everyBytes(archive.length, 1))
    await fc.assert(
      fc.asyncProperty(anyCuts(archive.length, 30), (cuts) => expectSame(cuts)),
      { numRuns: 10 },
    )
  })

  it.each(['sha1', 'sha256'] as const)('has the object ids that git gives its files: %s', async (hash) => {
    const repository = temporary()
    execFileSync('git', ['init', '-q', `--object-format=${hash}`, repository])
    const sizes = [0, 1, 1000, BLOCK_BYTES + 5, 2 * BLOCK_BYTES]
    const archive = tar(sizes.map((size) => ({ name: `${size}`, body: sampleBytes(size, size) })))
    const tree = await build(archive, everyBytes(archive.length, 100_000), { hash })
    for (const size of sizes) {
      const input = sampleBytes(size, size)
      const id = execFileSync('git', ['hash-object', '--stdin'], { cwd: repository, input })
      const record = tree.recordOf(`${size}`)
      expect(Buffer.from(record ?? []).toString('hex', 40)).toBe(id.toString().trim())
    }
  })

  it('may have thousands of empty files', async () => {
    const paths = [
      ...Array.from({ length: 3000 }, (_, file) => `.git/refs/heads/${file}`),
      ...Array.from({ length: 3000 }, (_, file) => `f/${file}`),
    ]
    const root = temporary()
    const tree = await build(tar(paths.map((name) => ({ name }))), [], { root })
    expect(tree.files).toBe(6000)
    expect(tree.bytes).toBe(0)
    expect([...listing(root).keys()].filter((path) => !path.endsWith('/')).sort()).toEqual(paths.toSorted())
    expectRecords(root, tree, 'sha1')
  })

  it('lacks what does not stay in .git, and tells how much that is', async () => {
    const names = ['.git/config', '.git/hooks/pre-commit', '.git/index', '.git/HEAD', 'after']
    const root = temporary()
    const tree = await build(tar(names.map((name) => ({ name, body: sampleBytes(2000) }))), [], { root })
    expect([...listing(root).keys()]).toEqual(['.git/', '.git/HEAD', 'after'])
    expect(tree).toMatchObject({ skipped: 3, files: 2, bytes: 4000 })
  })

  it('may lie below a name that is not ASCII', async () => {
    const root = join(temporary(), 'dépôt 日本')
    mkdirSync(root)
    const tree = await build(
      tar([
        { name: 'd/f', body: 'x' },
        { name: Buffer.from([0xe9]), body: 'y' },
      ]),
      [],
      { root },
    )
    expect([...listing(root).keys()]).toEqual(['d/', 'd/f', '\xe9'])
    expect(tree.recordOf('d/f')).toBeDefined()
  })
})

describe('an archive that ends too early', () => {
  it('is no tree', async () => {
    const archive = tar([
      { name: 'f', body: sampleBytes(3000) },
      { name: 'l', type: 'symlink', linkname: 'f' },
    ])
    const root = temporary()
    for (const length of [0, 100, 2000, 4096, 4096 + 512]) {
      const place = join(root, `${length}`)
      mkdirSync(place)
      await expect(build(archive.subarray(0, length), [], { root: place })).rejects.toMatchObject({
        code: 'CORRUPT_ARCHIVE',
      })
      expect(existsSync(join(place, 'l'))).toBe(false)
    }
  })
})
