import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BLOCK_BYTES } from '../../src/unpack/tree-job.ts'
import { type TarEntry, tar } from '../support/archive.ts'
import { mounted } from '../support/memory-disk.ts'
import { temporary } from '../support/temporary.ts'
import { failureOf, treeBuilder } from './built-tree.ts'
import { sampleBytes } from './fixture.ts'

describe('a place that is taken', () => {
  it.each<[string, TarEntry]>([
    ['a file', { name: './d/f', body: 'new' }],
    ['a large file', { name: './d/f', body: sampleBytes(2 * BLOCK_BYTES) }],
    ['a symlink', { name: './d/f', type: 'symlink', linkname: 'x' }],
  ])('is not written to: %s', async (_, entry) => {
    const [root, other] = [temporary(), temporary()]
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
    const root = temporary()
    symlinkSync('/tmp', join(root, 'd'))
    expect(await failureOf([{ name: 'd/f' }], { root })).toMatchObject({ code: 'UNSAFE_ENTRY' })
  })

  it('is not linked over', async () => {
    const root = temporary()
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
    const root = mounted(context, 'size=1m')
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
    const root = mounted(context, 'nr_inodes=20')
    expect(await failureOf(entries, { root })).toMatchObject(failed('ENOSPC', 'no space is left on the disk'))
  })

  it('because it is read-only is told of', async (context) => {
    const root = mounted(context, 'ro')
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
