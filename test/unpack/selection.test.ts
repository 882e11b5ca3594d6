import { describe, expect, it } from 'vitest'
import { NOTHING, type Selection, selectionOf, withoutSymlinks } from '../../src/unpack/selection.ts'
import { BLOCK_BYTES } from '../../src/unpack/tree-job.ts'
import { type TarEntry, tar } from '../support/archive.ts'
import { temporary } from '../support/temporary.ts'
import { build, failureOf, treeBuilder } from './built-tree.ts'
import { everyBytes, listing, sampleBytes } from './fixture.ts'

const src = selectionOf({
  hasDirectory: (path) => path === 'src' || path.startsWith('src/'),
  hasFile: (path) => !path.includes('/') || path.startsWith('src/'),
})

const ENTRIES: readonly TarEntry[] = [
  { name: './', type: 'directory' },
  { name: './.git/', type: 'directory' },
  { name: './.git/HEAD', body: 'ref: refs/heads/main\n' },
  { name: './.git/objects/', type: 'directory' },
  { name: './.git/refs/', type: 'directory' },
  { name: './README.md', body: 'top' },
  { name: './docs/', type: 'directory' },
  { name: './docs/large', body: sampleBytes(2 * BLOCK_BYTES + 3) },
  { name: './docs/guide.md', body: sampleBytes(3000) },
  { name: './src/', type: 'directory' },
  { name: './src/large', body: sampleBytes(BLOCK_BYTES + 7) },
  { name: './src/deep/main.ts', body: 'main' },
  { name: './src/link', type: 'symlink', linkname: 'deep' },
  { name: './docs/link', type: 'symlink', linkname: '../src' },
  { name: './src/same', type: 'hardlink', linkname: './src/deep/main.ts' },
  { name: './src/foreign', type: 'hardlink', linkname: './docs/guide.md' },
  { name: './docs/same', type: 'hardlink', linkname: './src/deep/main.ts' },
]

async function pathsOf(selection: Selection) {
  const root = temporary()
  const archive = tar(ENTRIES)
  const tree = await build(archive, everyBytes(archive.length, 100_000), { root, selection })
  return { tree, paths: [...listing(root).keys()].sort() }
}

const DOT_GIT = ['.git/', '.git/HEAD', '.git/objects/', '.git/refs/']
const SELECTED = ['README.md', 'src/', 'src/deep/', 'src/deep/main.ts', 'src/large']

describe('of an archive', () => {
  it('only what is selected is written, and hard links only to what is written', async () => {
    const { tree, paths } = await pathsOf(src)
    expect(paths).toEqual([...DOT_GIT, ...SELECTED, 'src/link', 'src/same'].sort())
    expect(tree).toMatchObject({ files: 6, workFiles: 5, bytes: 21 + 3 + BLOCK_BYTES + 7 + 4 })
    for (const path of ['README.md', 'src/large', 'src/link', 'src/same']) {
      expect(tree.recordOf(path)).toBeDefined()
    }
    for (const path of ['docs/guide.md', 'docs/large', 'docs/link', 'src/foreign']) {
      expect(tree.recordOf(path)).toBeUndefined()
    }
  })

  it('symbolic links alone may be left out', async () => {
    const { paths } = await pathsOf(withoutSymlinks(src))
    expect(paths).toEqual([...DOT_GIT, ...SELECTED, 'src/same'].sort())
  })

  it('.git is written whatever is selected', async () => {
    const { tree, paths } = await pathsOf(NOTHING)
    expect(paths).toEqual(DOT_GIT)
    expect(tree).toMatchObject({ files: 1, workFiles: 0, bytes: 21 })
  })

  it('.git is told of as soon as anything follows it, be that selected or not', async () => {
    const told = Promise.withResolvers<void>()
    const tree = treeBuilder({ selection: NOTHING, onDotGit: () => told.resolve() })
    await tree.write(tar(ENTRIES.slice(0, 6), { end: 'none' }))
    await told.promise
    const more = { name: './.git/packed-refs', body: 'x' }
    await expect(tree.write(tar([more]))).rejects.toMatchObject({ name: 'ScatteredDotGit' })
  })
})

describe('what is not selected is refused as what is', () => {
  it.each<[string, TarEntry[], string]>([
    ['a second owner of a path', [{ name: 'docs/f' }, { name: 'docs/f' }], 'UNSAFE_ENTRY'],
    ['a file in the place of a directory', [{ name: 'docs/f' }, { name: 'docs/f/g' }], 'UNSAFE_ENTRY'],
    ['a path that leads out', [{ name: 'docs/../../f' }], 'UNSAFE_ENTRY'],
    ['another .git', [{ name: 'docs/.GIT/config' }], 'UNSAFE_ENTRY'],
    ['a hard link to nothing', [{ name: 'docs/h', type: 'hardlink', linkname: 'docs/none' }], 'UNSAFE_ENTRY'],
    ['a link into .git', [{ name: 'docs/h', type: 'hardlink', linkname: '.git/HEAD' }], 'UNSAFE_ENTRY'],
    ['more entries than are allowed', ['a', 'b', 'c'].map((name) => ({ name: `docs/${name}` })), 'LIMIT'],
    ['more bytes than are allowed', [{ name: 'docs/f', body: sampleBytes(60_000) }], 'LIMIT'],
  ])('%s', async (_, entries, code) => {
    const limits = { entries: 3, bytes: 50_000 }
    const failure = await failureOf(entries, { selection: NOTHING, limits })
    expect(failure).toMatchObject({ code: expect.stringContaining(code) })
  })
})
