import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CACHED_FILE } from '../src/snapshot/actions-cache.ts'
import { type TarEntry, tar, zstdFrame } from './support/archive.ts'
import { useCachedProject } from './support/cached-project.ts'
import { CachedRun } from './support/cached-run.ts'
import { patternBytes } from './support/git-repo.ts'

const project = useCachedProject()
const NO_ZSTD = /which is no zstd file/
const DOT_GIT: readonly TarEntry[] = [
  { name: '.git/', type: 'directory' },
  { name: '.git/HEAD', body: 'ref: refs/heads/main\n' },
]

function wrapped(...entries: readonly TarEntry[]): Buffer {
  return zstdFrame(tar(entries), { checksum: true })
}

/** What @actions/cache makes of a snapshot of these entries. */
function snapshotOf(...entries: readonly TarEntry[]): Buffer {
  return wrapped({ name: CACHED_FILE, body: wrapped(...entries) })
}

function flippedAt(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

/** Expects an entry of these bytes to be a miss that costs one warning, and to leave nothing. */
async function expectMiss(bytes: Buffer, words: RegExp): Promise<void> {
  await project.save({ kind: 'shallow' }, bytes)
  const run = new CachedRun(project)
  const report = await run.restore({ inputs: { 'on-miss': 'fetch' } })
  expect(report).toMatchObject({ outcome: 'fetched', snapshot: undefined })
  expect(project.store.log.length).toBeGreaterThan(0)
  expect(run.warnings).toEqual([expect.stringMatching(words)])
  expect(run.warnings).toEqual([expect.stringMatching(/\(from the entry \S+ of the Actions cache\)/)])
  expect(readdirSync(run.temp)).toEqual([])
  expect(existsSync(join(dirname(run.workspace), 'evil'))).toBe(false)
  await run.expectExact()
}

describe('an outer archive is a miss', () => {
  it.each<[string, (archive: Buffer) => Buffer, RegExp]>([
    [
      'of which a byte is damaged',
      (archive) => flippedAt(archive, archive.length >> 1),
      /zstd frame 1, at byte 0, is damaged/,
    ],
    [
      'that breaks off',
      (archive) => archive.subarray(0, archive.length >> 1),
      /the zstd stream ends at byte \d+, in the middle of a frame/,
    ],
    ['that is none', () => patternBytes(300_000), NO_ZSTD],
    ['that is empty', () => Buffer.alloc(0), /the tar archive is cut off at byte 0/],
    ['with another file', () => wrapped({ name: 'evil', body: 'x' }), /may only have the file/],
    ['with a file above', () => wrapped({ name: '../evil', body: 'x' }), /may only have the file/],
    [
      'with a link in the place of the file',
      () => wrapped({ name: CACHED_FILE, type: 'symlink', linkname: '/etc/passwd' }),
      /may only have the file/,
    ],
    ['whose file is no snapshot', () => wrapped({ name: CACHED_FILE, body: patternBytes(200_000) }), NO_ZSTD],
  ])('%s', async (_, make, words) => {
    await expectMiss(make(project.archives.shallow), words)
  })
})

describe('a snapshot is a miss', () => {
  it.each<[string, readonly TarEntry[], RegExp]>([
    [
      'with a file outside',
      [...DOT_GIT, { name: '../evil', body: 'x' }],
      /a path with ".." in it: "..\/evil"/,
    ],
    [
      'with an absolute path',
      [...DOT_GIT, { name: '/tmp/evil', body: 'x' }],
      /an absolute path: "\/tmp\/evil"/,
    ],
    [
      'with a file behind a link',
      [...DOT_GIT, { name: 'out', type: 'symlink', linkname: '..' }, { name: 'out/evil', body: 'x' }],
      /an entry below a file or link: "out\/evil"/,
    ],
    ['without a commit', DOT_GIT, /HEAD is no commit/],
    ['without a repository', [{ name: 'README.md', body: 'x' }], /\.git was refused: there is none/],
  ])('%s', async (_, entries, words) => {
    await expectMiss(snapshotOf(...entries), words)
  })

  it('of another commit than its key says', async () => {
    await project.save({ kind: 'shallow', commit: project.commits.newest })
    const run = new CachedRun(project)
    const report = await run.restore({ inputs: { 'on-miss': 'fetch' }, commit: 'newest' })
    expect(report).toMatchObject({ outcome: 'fetched', snapshot: undefined })
    expect(run.warnings).toEqual([expect.stringContaining(project.commits.newest)])
    await run.expectExact('newest')
  })

  it('that unpacks to more than it may', async () => {
    await project.save({ kind: 'shallow' })
    const run = new CachedRun(project)
    const inputs = { 'max-unpacked-bytes': '1MiB' }
    expect(await run.failing({ inputs })).toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })
})
