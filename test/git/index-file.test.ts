import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { ObjectFormat } from '../../src/git/index-entries.ts'
import { leaveOut } from '../../src/git/index-entries.ts'
import { fillEntries, fillIndex } from '../../src/git/index-file.ts'
import { git, gitBytes, makeUpstream, variedHistory } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'
import { recordsOf } from './index-records.ts'

let root: string
let tree: string

beforeEach(async () => {
  root = await realpath(temporary())
  tree = join(root, 'tree')
})

/** A clone with a fresh, unfilled index of version 2. */
async function cloneOfMany(): Promise<number> {
  const many = Array.from({ length: 300 }, (_, number) => ({
    path: `many/${number % 7}/${'x'.repeat(number % 9)}${number}.txt`,
    content: `${number}\n`,
  }))
  const upstream = await makeUpstream({ root }, [...variedHistory(), many])
  await git(root, 'clone', '--quiet', upstream.directory, tree)
  await freshIndex()
  return Number((await git(tree, 'ls-files')).split('\n').length)
}

async function freshIndex(): Promise<void> {
  await rm(join(tree, '.git/index'), { force: true })
  await git(tree, '-c', 'index.version=2', 'read-tree', 'HEAD')
}

/** An index with one entry for each name, all of blob `id`, as git would write it. */
function indexOf(
  names: readonly string[],
  { version = 2, flags = 0, id = Buffer.alloc(20, 7) } = {},
): Buffer {
  const header = Buffer.alloc(12)
  header.write('DIRC')
  header.writeUInt32BE(version, 4)
  header.writeUInt32BE(names.length, 8)
  const entries = names.map((name) => {
    const extended = (flags & 0x4000) === 0 ? 0 : 2
    const start = 42 + id.length + extended
    const entry = Buffer.alloc((start + name.length + 8) & ~7)
    entry.writeUInt32BE(0o100644, 24)
    id.copy(entry, 40)
    entry.writeUInt16BE(flags | Math.min(name.length, 0xfff), 40 + id.length)
    entry.write(name, start, 'latin1')
    return entry
  })
  const body = Buffer.concat([header, ...entries])
  return Buffer.concat([body, createHash('sha1').update(body).digest()])
}

function record({ mode = 0o100644, id = Buffer.alloc(20, 7) } = {}): Buffer {
  const stat = Buffer.alloc(40, 0xab)
  stat.writeUInt32BE(mode, 24)
  return Buffer.concat([stat, id])
}

describe('filling a fresh index', () => {
  it('leaves nothing for git to read, and the status clean', async () => {
    const files = await cloneOfMany()
    const stale = await git(tree, 'diff-files', '--name-only')
    expect(stale.split('\n')).toHaveLength(files)
    const result = await fillIndex(join(tree, '.git'), recordsOf(tree, 'sha1'), 'sha1')
    expect(result).toMatchObject({ entries: files, filled: files })
    // diff-files names every file whose stat data differ, and does not read them.
    expect(await git(tree, 'diff-files', '--name-only')).toBe('')
    expect(await git(tree, 'status', '--porcelain')).toBe('')
    expect(await git(tree, 'fsck', '--no-dangling')).toBe('')
    expect(existsSync(join(tree, '.git/index.lock'))).toBe(false)
  })

  it('changes nothing of the index but the stat data and the checksum', async () => {
    await cloneOfMany()
    const before = await readFile(join(tree, '.git/index'))
    const staged = await git(tree, 'ls-files', '--stage')
    expect(before.includes('TREE')).toBe(true)
    await fillIndex(join(tree, '.git'), recordsOf(tree, 'sha1'), 'sha1')
    const after = await readFile(join(tree, '.git/index'))
    expect(after.length).toBe(before.length)
    expect(after.includes('TREE')).toBe(true)
    expect(await git(tree, 'ls-files', '--stage')).toBe(staged)
  })

  it('leaves a file that was tampered with for git to find', async () => {
    const files = await cloneOfMany()
    await writeFile(join(tree, 'README.md'), '# A project\n\nWith a second lime.\n')
    const result = await fillIndex(join(tree, '.git'), recordsOf(tree, 'sha1'), 'sha1')
    expect(result).toMatchObject({ entries: files, filled: files - 1 })
    expect(await git(tree, 'diff-files', '--name-only')).toBe('README.md')
    expect(await git(tree, 'status', '--porcelain')).toBe(' M README.md')
  })

  it('leaves a file of another mode, and one that nobody wrote, to git', async () => {
    const files = await cloneOfMany()
    const recordOf = recordsOf(tree, 'sha1')
    const withoutMode = (path: string, now: () => Uint8Array) => {
      const record = recordOf(path, now)
      return record && path === 'bin/run' ? Buffer.from(record).fill(0, 24, 28) : record
    }
    const result = await fillIndex(
      join(tree, '.git'),
      (path, now) => (path === 'README.md' ? undefined : withoutMode(path, now)),
      'sha1',
    )
    expect(result).toMatchObject({ entries: files, filled: files - 2 })
    expect(await git(tree, 'diff-files', '--name-only')).toBe('README.md\nbin/run')
    expect(await git(tree, 'status', '--porcelain')).toBe('')
  })

  it('leaves a submodule alone', async () => {
    const files = await cloneOfMany()
    const head = await git(tree, 'rev-parse', 'HEAD')
    await git(tree, 'update-index', '--add', '--cacheinfo', `160000,${head},module`)
    await git(tree, 'commit', '--quiet', '--message=Add a submodule')
    await mkdir(join(tree, 'module'))
    await freshIndex()
    const result = await fillIndex(join(tree, '.git'), recordsOf(tree, 'sha1'), 'sha1')
    expect(result).toEqual({ entries: files + 1, filled: files, leftOut: 0 })
    expect(await git(tree, 'status', '--porcelain')).toBe('')
  })

  it.each<ObjectFormat>(['sha1', 'sha256'])('works in a %s repository', async (format) => {
    await mkdir(tree)
    await git(tree, 'init', '--quiet', `--object-format=${format}`)
    for (const name of ['a', 'bb', 'ccc', 'dddd']) await writeFile(join(tree, name), `${name}\n`)
    await git(tree, 'add', '.')
    await git(tree, 'commit', '--quiet', '--message=First')
    await freshIndex()
    const result = await fillIndex(join(tree, '.git'), recordsOf(tree, format), format)
    expect(result).toMatchObject({ entries: 4, filled: 4 })
    expect(await git(tree, 'diff-files', '--name-only')).toBe('')
  })

  it('finds names longer than the length field can say', async () => {
    await mkdir(tree)
    await git(tree, 'init', '--quiet')
    const blob = (await gitBytes(tree, ['hash-object', '-w', '--stdin'], Buffer.from('x'))).toString().trim()
    const lengths = [4093, 4094, 4095, 4096, 4097, 5000]
    const names = lengths.map((length) => `${length}/${'d/'.repeat(length)}`.slice(0, length - 1).concat('f'))
    const lines = names.map((name) => `100644 ${blob}\t${name}\n`).join('')
    await gitBytes(tree, ['-c', 'index.version=2', 'update-index', '--index-info'], Buffer.from(lines))
    const seen: string[] = []
    const record = Buffer.concat([Buffer.alloc(40), Buffer.from(blob, 'hex')])
    record.writeUInt32BE(0o100644, 24)
    record.writeUInt32BE(4711, 36)
    const recordOf = (path: string) => {
      seen.push(path)
      return record
    }
    expect(await fillIndex(join(tree, '.git'), recordOf, 'sha1')).toMatchObject({ entries: 6, filled: 6 })
    expect(seen.sort()).toEqual(names.sort())
    const debug = await git(tree, 'ls-files', '--debug')
    expect(debug.match(/size: 4711/g)).toHaveLength(6)
  })

  it('leaves the index as it was when its lock is held', async () => {
    await cloneOfMany()
    const before = await readFile(join(tree, '.git/index'))
    await writeFile(join(tree, '.git/index.lock'), '')
    const failure = fillIndex(join(tree, '.git'), recordsOf(tree, 'sha1'), 'sha1')
    await expect(failure).rejects.toMatchObject({ code: 'WRITE_FAILED' })
    expect(await readFile(join(tree, '.git/index'))).toEqual(before)
  })
})

describe('entries that are left out of the tree', () => {
  const isLeftOut = (path: string) => /^(many\/[1-5]|data)\//.test(path)
  /** The index without its extension, in which git forgets the names of changed trees. */
  const indexEntries = async () => {
    const index = await readFile(join(tree, '.git/index'))
    return index.subarray(0, index.lastIndexOf('TREE'))
  }

  it('are as git itself marks them, byte for byte', async () => {
    await cloneOfMany()
    const listed = (await gitBytes(tree, ['ls-files', '-z'])).toString('latin1').split('\0')
    const input = Buffer.from(listed.filter(isLeftOut).join('\0'), 'latin1')
    await gitBytes(tree, ['update-index', '--skip-worktree', '-z', '--stdin'], input)
    const byGit = await indexEntries()
    await freshIndex()
    const { entries, leftOut } = await fillIndex(join(tree, '.git'), () => undefined, 'sha1', isLeftOut)
    expect((await indexEntries()).equals(byGit)).toBe(true)
    expect({ entries, leftOut }).toEqual({
      entries: listed.length - 1,
      leftOut: listed.filter(isLeftOut).length,
    })
  })

  it('are not looked at, be they marked before or now', async () => {
    const entries = await cloneOfMany()
    const records = recordsOf(tree, 'sha1')
    for (const isMarked of [isLeftOut, () => false, undefined]) {
      const filled = await fillIndex(join(tree, '.git'), records, 'sha1', isMarked)
      expect(filled.filled + filled.leftOut).toBe(entries)
      expect(filled.leftOut).toBeGreaterThan(200)
    }
    expect(await git(tree, 'diff-files', '--name-only')).toBe('')
  })

  it('take no more room where they have the flags already', () => {
    const index = indexOf(['a', 'bcd', 'efghijklm'], { version: 3, flags: 0x4000 })
    const left = leaveOut(index, 'sha1', (path) => path !== 'a')
    expect(left.length).toBe(index.length)
    expect(fillEntries(left, () => undefined, 'sha1')).toMatchObject({ entries: 3, leftOut: 2 })
  })

  it('are none of an unfinished merge', () => {
    const left = leaveOut(indexOf(['a'], { flags: 0x1000 }), 'sha1', () => true)
    expect(fillEntries(left, () => undefined, 'sha1').leftOut).toBe(0)
  })
})

describe('the entries of an index', () => {
  it('get the forty bytes of a record with the same mode and id', () => {
    const index = indexOf(['a', 'b'])
    expect(fillEntries(index, (path) => (path === 'b' ? record() : undefined), 'sha1')).toEqual({
      entries: 2,
      filled: 1,
      leftOut: 0,
    })
    expect(index.subarray(12, 36).every((byte) => byte === 0)).toBe(true)
    expect(index.subarray(76, 100).every((byte) => byte === 0xab)).toBe(true)
    const body = index.subarray(0, -20)
    expect(index.subarray(-20)).toEqual(createHash('sha1').update(body).digest())
  })

  it.each([
    ['another mode', record({ mode: 0o100755 })],
    ['another id', record({ id: Buffer.alloc(20, 8) })],
    ['an id that differs in its last byte only', record({ id: Buffer.from(`${'07'.repeat(19)}08`, 'hex') })],
    ['an id of the other object format', record({ id: Buffer.alloc(32, 7) })],
    ['no id', record({ id: Buffer.alloc(0) })],
  ])('stay as they are for a record with %s', (_, other) => {
    const index = indexOf(['a'])
    expect(fillEntries(index, () => other, 'sha1').filled).toBe(0)
    expect(index).toEqual(indexOf(['a']))
  })

  it('may carry the two flag bytes more of version 3', () => {
    const index = indexOf(['a', 'longer-name'], { version: 3, flags: 0x4000 })
    const seen: string[] = []
    fillEntries(index, (path) => void seen.push(path), 'sha1')
    expect(seen).toEqual(['a', 'longer-name'])
  })

  it('of an unfinished merge are never filled', () => {
    expect(fillEntries(indexOf(['a'], { flags: 0x1000 }), () => record(), 'sha1').filled).toBe(0)
  })

  it('are given their names byte for byte', () => {
    const seen: string[] = []
    fillEntries(indexOf(['caf\xe9', '\xff\x01\n']), (path) => void seen.push(path), 'sha1')
    expect(seen).toEqual(['caf\xe9', '\xff\x01\n'])
  })

  it('may be none at all', () => {
    expect(fillEntries(indexOf([]), () => record(), 'sha1')).toMatchObject({ entries: 0, filled: 0 })
  })

  it.each([
    ['is empty', Buffer.alloc(0)],
    ['is shorter than header and checksum', indexOf([]).subarray(1)],
    ['has another signature', Buffer.from(indexOf(['a'])).fill(0, 0, 1)],
    ['is of version 4', indexOf(['a'], { version: 4 })],
    ['claims more entries than it has', Buffer.from(indexOf(['a'])).fill(0xff, 8, 12)],
    ['has a name without end', Buffer.from(indexOf(['a'])).fill(0x61, 75, 76)],
    ['has a name longer than itself', Buffer.from(indexOf(['a'])).fill(0xff, 73, 74)],
    ['has version 3 flags in version 2', indexOf(['a'], { flags: 0x4000 })],
  ])('are refused when the index %s', (_, index) => {
    expect(() => fillEntries(index, () => record(), 'sha1')).toThrow(
      expect.objectContaining({ code: 'GIT_FAILED', message: expect.stringContaining('cannot be filled') }),
    )
  })

  it('are refused wherever the index is cut off', () => {
    const whole = indexOf(['a', 'some/longer/name'])
    for (let length = 0; length < whole.length; length++) {
      expect(() => fillEntries(Buffer.from(whole.subarray(0, length)), () => undefined, 'sha1')).toThrow(
        'cannot be filled',
      )
    }
  })
})
