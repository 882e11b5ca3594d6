import { execFile, execFileSync } from 'node:child_process'
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
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { staysInDotGit } from '../../src/git/dotgit.ts'
import { DEFAULT_LIMITS } from '../../src/unpack/policy.ts'
import { type Tree, TreeBuilder, type TreeOptions } from '../../src/unpack/tree.ts'
import { BLOCK_BYTES } from '../../src/unpack/tree-job.ts'
import { type TarEntry, tar, tarDirectory } from '../support/archive.ts'
import { everyBytes, listing, mountMemory, pieces, sampleBytes, temporaryDirectory } from './fixture.ts'

const MTIME = 1_600_000_000
const FORMATS = ['sha1', 'sha256'] as const

interface Options extends Partial<TreeOptions> {
  readonly hash?: TreeBuilder['hash']
}

function treeBuilder({ hash = 'sha1', ...options }: Options = {}): TreeBuilder {
  const defaults = { writers: 2, limits: DEFAULT_LIMITS, staysInDotGit, mtime: MTIME }
  const tree = new TreeBuilder({ root: temporaryDirectory(), ...defaults, ...options })
  onTestFinished(() => tree.close())
  tree.hash = hash
  return tree
}

/** Builds a tree of an archive in pieces, each of which is overwritten once it is taken. */
async function build(archive: Buffer, cuts: readonly number[], options: Options): Promise<Tree> {
  const tree = treeBuilder(options)
  try {
    for (const piece of pieces(archive, cuts)) {
      const own = Buffer.concat([piece])
      await tree.write(own)
      own.fill(0xa5)
    }
    return await tree.finish()
  } finally {
    await tree.close()
  }
}

const failureOf = (entries: readonly TarEntry[], options: Options): Promise<unknown> =>
  build(tar(entries), [], options).then(
    () => undefined,
    (error: unknown) => error,
  )

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
  const place = temporaryDirectory()
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
      const [place, root] = [sampleDirectory(), temporaryDirectory()]
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
    const first = temporaryDirectory()
    await build(archive, [], { root: first })
    const expected = listing(first)
    const expectSame = async (cuts: readonly number[]): Promise<void> => {
      const root = temporaryDirectory()
      const tree = await build(archive, cuts, { root })
      expect(listing(root)).toEqual(expected)
      expectRecords(root, tree, 'sha1')
      expect(tree.bytes).toBe(700 + 4 + 4)
      expect(tree.files).toBe(6)
    }
    await expectSame(everyBytes(archive.length, 1))
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(archive.length), { maxLength: 30 }), (cuts) =>
        expectSame(cuts.sort((a, b) => a - b)),
      ),
      { numRuns: 10 },
    )
  })

  it.each(FORMATS)('has the object ids that git gives its files: %s', async (hash) => {
    const repository = temporaryDirectory()
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
    const root = temporaryDirectory()
    const tree = await build(tar(paths.map((name) => ({ name }))), [], { root })
    expect(tree.files).toBe(6000)
    expect(tree.bytes).toBe(0)
    expect([...listing(root).keys()].filter((path) => !path.endsWith('/')).sort()).toEqual(paths.toSorted())
    expectRecords(root, tree, 'sha1')
  })

  it('lacks what does not stay in .git, and tells how much that is', async () => {
    const names = ['.git/config', '.git/hooks/pre-commit', '.git/index', '.git/HEAD', 'after']
    const root = temporaryDirectory()
    const tree = await build(tar(names.map((name) => ({ name, body: sampleBytes(2000) }))), [], { root })
    expect([...listing(root).keys()]).toEqual(['.git/', '.git/HEAD', 'after'])
    expect(tree).toMatchObject({ skipped: 3, files: 2, bytes: 4000 })
  })

  it('may lie below a name that is not ASCII', async () => {
    const root = join(temporaryDirectory(), 'dépôt 日本')
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

describe('a place that is taken', () => {
  it.each<[string, TarEntry]>([
    ['a file', { name: './d/f', body: 'new' }],
    ['a large file', { name: './d/f', body: sampleBytes(2 * BLOCK_BYTES) }],
    ['a symlink', { name: './d/f', type: 'symlink', linkname: 'x' }],
  ])('is not written to: %s', async (_, entry) => {
    const [root, other] = [temporaryDirectory(), temporaryDirectory()]
    writeFileSync(join(other, 'target'), 'old')
    const tree = treeBuilder({ root })
    await tree.write(tar([{ name: './d/', type: 'directory' }], { end: 'none' }))
    symlinkSync(join(other, 'target'), join(root, 'd/f'))
    const result = (async () => {
      await tree.write(tar([entry]))
      await tree.finish()
    })()
    await expect(result).rejects.toMatchObject({
      code: 'UNSAFE_ENTRY',
      message: expect.stringContaining('"d/f"'),
    })
    expect(readFileSync(join(other, 'target'), 'utf8')).toBe('old')
  })

  it('is not made a directory', async () => {
    const root = temporaryDirectory()
    symlinkSync('/tmp', join(root, 'd'))
    expect(await failureOf([{ name: 'd/f' }], { root })).toMatchObject({ code: 'UNSAFE_ENTRY' })
  })

  it('is not linked over', async () => {
    const root = temporaryDirectory()
    writeFileSync(join(root, 'h'), 'old')
    const entries = [
      { name: 'f', body: 'new' },
      { name: 'h', type: 'hardlink', linkname: 'f' },
    ]
    expect(await failureOf(entries, { root })).toMatchObject({ code: 'UNSAFE_ENTRY' })
    expect(readFileSync(join(root, 'h'), 'utf8')).toBe('old')
  })
})

describe('a disk that does not take a file', () => {
  const failed = (code: string, words: string) => ({
    code: 'WRITE_FAILED',
    message: expect.stringMatching(new RegExp(`${words}.*\\(${code}\\)`)),
  })

  it.for<[string, TarEntry[]]>([
    ['a large file', [{ name: 'large', body: sampleBytes(3 * BLOCK_BYTES) }]],
    [
      'many small files',
      Array.from({ length: 300 }, (_, file) => ({ name: `${file}`, body: sampleBytes(9000) })),
    ],
  ])('for its size is told of: %s', async ([, entries], context) => {
    const root = temporaryDirectory()
    mountMemory(context, root, 'size=1m')
    expect(await failureOf(entries, { root })).toMatchObject(failed('ENOSPC', 'no space is left on the disk'))
  })

  it.for<[string, TarEntry[]]>([
    ['files', Array.from({ length: 30 }, (_, file) => ({ name: `f${file}` }))],
    ['directories', Array.from({ length: 30 }, (_, file) => ({ name: `d${file}/`, type: 'directory' }))],
    [
      'symlinks',
      Array.from({ length: 30 }, (_, file) => ({ name: `l${file}`, type: 'symlink', linkname: 't' })),
    ],
  ])('for the number of its %s is told of', async ([, entries], context) => {
    const root = temporaryDirectory()
    mountMemory(context, root, 'nr_inodes=20')
    expect(await failureOf(entries, { root })).toMatchObject(failed('ENOSPC', 'no space is left on the disk'))
  })

  it('because it is read-only is told of', async (context) => {
    const root = temporaryDirectory()
    mountMemory(context, root, 'ro')
    for (const name of ['f', 'd/f']) {
      expect(await failureOf([{ name }], { root })).toMatchObject(
        failed('EROFS', 'the file system is read-only'),
      )
    }
  })

  it('because its path is too long is told of', async () => {
    const name = `${'n'.repeat(255)}/`.repeat(15).concat('m'.repeat(255))
    expect(await failureOf([{ name }], {})).toMatchObject(failed('ENAMETOOLONG', 'the name is too long'))
  })

  it('because its directory is gone is told of', async () => {
    const failure = await failureOf([{ name: 'f' }], { root: '/no/such/directory' })
    expect(failure).toMatchObject(failed('ENOENT', 'could not write "f"'))
  })
})

describe('writers', () => {
  it('that fail end everything: nothing more is taken', async () => {
    const root = temporaryDirectory()
    writeFileSync(join(root, 'f'), '')
    const tree = treeBuilder({ root })
    const file = tar([{ name: 'f', body: sampleBytes(2 * BLOCK_BYTES) }], { end: 'none' })
    const more = tar([{ name: 'g', body: Buffer.alloc(200 * BLOCK_BYTES) }])
    const failed = { code: 'UNSAFE_ENTRY' }
    await expect(tree.write(file).then(() => tree.write(more))).rejects.toMatchObject(failed)
    await expect(tree.finish()).rejects.toBeDefined()
    await expect(tree.write(more)).rejects.toBeDefined()
  })

  it('take no more once they are closed', async () => {
    const tree = treeBuilder()
    await tree.close()
    const archive = tar([{ name: 'f', body: sampleBytes(4 * BLOCK_BYTES) }])
    await expect(tree.write(archive)).rejects.toThrow('closed')
    await tree.close()
  })

  it('let the process end once they are closed, and keep to its umask', async () => {
    const root = temporaryDirectory()
    const script = `
      import { TreeBuilder } from '${pathToFileURL('src/unpack/tree.ts')}'
      process.umask(0o027)
      const limits = { entries: 10, bytes: 1e9 }
      const options = { writers: 3, limits, staysInDotGit: () => true, mtime: 1 }
      const tree = new TreeBuilder({ root: ${JSON.stringify(root)}, ...options })
      await tree.write(Buffer.from(process.argv[2], 'base64'))
      await tree.finish()
      await tree.close()`
    const archive = tar(
      [
        { name: 'd/f', body: 'x' },
        { name: 'd/run', mode: 0o700 },
      ],
      { end: 'blocks' },
    )
    const file = join(temporaryDirectory(), 'build.mjs')
    writeFileSync(file, script)
    await promisify(execFile)(process.execPath, [file, archive.toString('base64')])
    expect(Object.fromEntries(listing(root))).toEqual({ 'd/': '750', 'd/f': '640 x', 'd/run': '750 ' })
  })

  it('close the files that they have begun', async (context) => {
    context.skip(!existsSync('/proc/self/fd'), 'no /proc here')
    const root = temporaryDirectory()
    const tree = treeBuilder({ root })
    await tree.write(
      tar([{ name: 'f', body: sampleBytes(6 * BLOCK_BYTES) }], { end: 'none' }).subarray(0, 5 * BLOCK_BYTES),
    )
    await tree.close()
    const open = execFileSync('ls', ['-l', `/proc/${process.pid}/fd`]).toString()
    expect(open).not.toContain(root)
  })
})

describe('an archive that ends too early', () => {
  it('is no tree', async () => {
    const archive = tar([
      { name: 'f', body: sampleBytes(3000) },
      { name: 'l', type: 'symlink', linkname: 'f' },
    ])
    const root = temporaryDirectory()
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
