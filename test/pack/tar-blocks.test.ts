import { execFileSync } from 'node:child_process'
import { appendFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { staysInDotGit } from '../../src/git/dotgit.ts'
import { Source } from '../../src/pack/source.ts'
import { BLOCK_BYTES, TarBlocks } from '../../src/pack/tar-blocks.ts'
import { skipWithout } from '../support/programs.ts'
import { temporary } from '../support/temporary.ts'
import { parse } from '../unpack/parsed-tar.ts'
import { type Contents, directory, linkTo, MTIME, makeTree, VARIED } from './packed-tree.ts'

const everything = (): boolean => true

function blocksOf(root: string, keeps: (path: string) => boolean = everything): TarBlocks {
  return new TarBlocks(new Source(root), { mtime: MTIME, keeps })
}

function treeOf(contents: Contents): string {
  const root = temporary()
  makeTree(root, contents)
  return root
}

/** All of an archive; each block is overwritten when it is released, as the next one would. */
function archiveOf(blocks: TarBlocks): Buffer {
  const parts: Buffer[] = []
  for (const { bytes, release } of blocks) {
    parts.push(Buffer.concat([bytes]))
    bytes.fill(0xa5)
    release()
  }
  return Buffer.concat(parts)
}

function pathsOf(root: string, keeps?: (path: string) => boolean): string[] {
  return parse(archiveOf(blocksOf(root, keeps))).map(({ path }) => path)
}

describe('the archive of a directory', () => {
  it('is what GNU tar writes of the same names', (context) => {
    skipWithout(context, 'tar')
    const root = treeOf(VARIED)
    const ours = archiveOf(blocksOf(root))
    const names = parse(ours).map(({ path }) => `${path}\0`)
    const owner = ['--numeric-owner', '--owner=0', '--group=0', `--mtime=@${MTIME}`]
    const theirs = execFileSync(
      'tar',
      ['--format=gnu', ...owner, '--no-recursion', '--null', '-T', '-', '-cf', '-'],
      { cwd: root, input: Buffer.from(names.join(''), 'latin1') },
    )
    expect(parse(ours)).toEqual(parse(theirs))
    expect(ours.equals(theirs)).toBe(true)
  })

  it('has .git first and in one piece, all else in the order of its bytes', () => {
    const root = treeOf({
      'a/.git/HEAD': 'nested',
      'a/b': 'x',
      'a.b': 'x',
      '\xff': 'x',
      Z: 'x',
      '!': 'x',
      '.git/HEAD': 'x',
      '.git/refs/heads': directory,
      '.git-blame': 'x',
      '.github/x': 'x',
    })
    expect(pathsOf(root)).toEqual([
      ...['.git/', '.git/HEAD', '.git/refs/', '.git/refs/heads/'],
      ...[
        '!',
        '.git-blame',
        '.github/',
        '.github/x',
        'Z',
        'a/',
        'a/.git/',
        'a/.git/HEAD',
        'a/b',
        'a.b',
        '\xff',
      ],
    ])
  })

  it('leaves out what is not kept, and does not look into it', (context) => {
    skipWithout(context, 'mkfifo')
    const root = treeOf({
      '.git/HEAD': 'x',
      '.git/config': 'secret',
      '.git/hooks/pre-commit': 'secret',
      '.git/objects/info/alternates': 'secret',
      file: 'x',
    })
    execFileSync('mkfifo', [join(root, '.git', 'hooks', 'pipe'), join(root, '.git', 'fsmonitor')])
    const asked: string[] = []
    const keeps = (path: string): boolean => {
      asked.push(path)
      return !path.startsWith('.git/') || staysInDotGit(path.slice('.git/'.length))
    }
    expect(pathsOf(root, keeps)).toEqual([
      '.git/',
      '.git/HEAD',
      '.git/objects/',
      '.git/objects/info/',
      'file',
    ])
    expect(asked).not.toContain('.git/hooks/pre-commit')
  })

  it('of an empty directory has no members', () => {
    const blocks = blocksOf(temporary())
    expect(archiveOf(blocks)).toEqual(Buffer.alloc(10_240))
    expect(blocks).toMatchObject({ files: 0, bytes: 10_240 })
  })

  it('has files of every size that meets the end of a block', () => {
    const sizes = [0, 511, 512, 513, BLOCK_BYTES - 1024, BLOCK_BYTES - 512, BLOCK_BYTES, 2 * BLOCK_BYTES + 1]
    const digits = Uint8Array.from({ length: 251 }, (_, byte) => byte)
    const pattern = Buffer.alloc(3 * BLOCK_BYTES, digits)
    const contents = sizes.map((size, index) => [`${index}`, pattern.subarray(index, index + size)] as const)
    const root = treeOf(Object.fromEntries(contents))
    const blocks = blocksOf(root)
    const members = parse(archiveOf(blocks))
    expect(members.map(({ size }) => size)).toEqual(sizes)
    const isSame = contents.map(([, content], index) => members[index]?.body === content.toString('latin1'))
    expect(isSame).toEqual(sizes.map(() => true))
    expect(blocks.files).toBe(sizes.length)
  })
})

describe('blocks of an archive', () => {
  const root = (): string => treeOf({ large: Buffer.alloc(3 * BLOCK_BYTES, 'x') })

  it('are of 8 MiB but for the last', () => {
    const lengths = [...blocksOf(root())].map(({ bytes }) => bytes.length)
    expect(lengths).toEqual([BLOCK_BYTES, BLOCK_BYTES, BLOCK_BYTES, 4096])
  })

  it('take the memory of those that were released', () => {
    const memory = new Set<ArrayBufferLike>()
    for (const { bytes, release } of blocksOf(root())) {
      memory.add(bytes.buffer)
      release()
    }
    expect(memory.size).toBe(1)
  })

  it('are each in memory of their own until then', () => {
    const memory = new Set([...blocksOf(root())].map(({ bytes }) => bytes.buffer))
    expect(memory.size).toBe(4)
  })
})

/** The error that says so of a path. */
function notPacked(path: string, reason: string): unknown {
  const message = `the snapshot cannot be made: "${path}": ${reason}`
  return expect.objectContaining({ code: 'WRITE_FAILED', message })
}

const causedBy = (code: string): unknown =>
  expect.objectContaining({ code: 'WRITE_FAILED', cause: expect.objectContaining({ code }) })

describe('what cannot be packed', () => {
  /** Changes a file of 16 MiB when its first block has been read, and reads on. */
  function readOnAfter(change: (file: string) => void): unknown {
    const root = treeOf({ 'odd/caf\xc3\xa9': Buffer.alloc(2 * BLOCK_BYTES) })
    const blocks = blocksOf(root)[Symbol.iterator]()
    blocks.next()
    change(join(root, 'odd', 'caf\u00e9'))
    return [...blocks]
  }

  it('is a file that grows meanwhile', () => {
    const read = () => readOnAfter((file) => appendFileSync(file, 'x'))
    expect(read).toThrow(notPacked('odd/caf\u00e9', 'it grew beyond 16777216 bytes while it was read'))
  })

  it('is a file that shrinks meanwhile', () => {
    const read = () => readOnAfter((file) => truncateSync(file, BLOCK_BYTES + 5))
    const reason = 'it shrank from 16777216 bytes to 8388613 while it was read'
    expect(read).toThrow(notPacked('odd/caf\u00e9', reason))
  })

  it('is a pipe, a device or a socket', (context) => {
    skipWithout(context, 'mkfifo')
    const root = temporary()
    execFileSync('mkfifo', [join(root, 'pipe')])
    const reason = 'it is neither a file, a directory nor a symbolic link'
    expect(() => pathsOf(root)).toThrow(notPacked('pipe', reason))
  })

  it('is a directory that is not there', () => {
    const root = join(temporary(), 'missing')
    expect(() => pathsOf(root)).toThrow(notPacked('.', 'it could not be read'))
    expect(() => pathsOf(root)).toThrow(causedBy('ENOENT'))
  })

  it('is a file whose place a link has taken', () => {
    const root = temporary()
    makeTree(root, { 'elsewhere/secret': 'secret', file: linkTo('elsewhere/secret') })
    expect(() => new Source(root).open('file')).toThrow(causedBy('ELOOP'))
  })
})
