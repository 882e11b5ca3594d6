import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { BLOCK_BYTES } from '../../src/unpack/tree-job.ts'
import { tar } from '../support/archive.ts'
import { temporary } from '../support/temporary.ts'
import { treeBuilder } from './built-tree.ts'
import { listing, sampleBytes } from './fixture.ts'

describe('writers', () => {
  it('that fail end everything: nothing more is taken', async () => {
    const root = temporary()
    mkdirSync(join(root, 'f'))
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
    const root = temporary()
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
    const file = join(temporary(), 'build.mjs')
    writeFileSync(file, script)
    await promisify(execFile)(process.execPath, [file, archive.toString('base64')])
    expect(Object.fromEntries(listing(root))).toEqual({ 'd/': '750', 'd/f': '640 x', 'd/run': '750 ' })
  })

  it('close the files that they have begun', async (context) => {
    context.skip(!existsSync('/proc/self/fd'), 'no /proc here')
    const root = temporary()
    const tree = treeBuilder({ root })
    await tree.write(
      tar([{ name: 'f', body: sampleBytes(6 * BLOCK_BYTES) }], { end: 'none' }).subarray(0, 5 * BLOCK_BYTES),
    )
    await tree.close()
    const open = execFileSync('ls', ['-l', `/proc/${process.pid}/fd`]).toString()
    expect(open).not.toContain(root)
  })
})
