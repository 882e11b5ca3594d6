import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { git, gitBytes } from '../support/git-repo.ts'
import { forge, loosen, treeEntry, write } from './forging.ts'
import { useScene } from './scene.ts'

const scene = useScene()

/**
 * A clone with the wanted commit in it, at a commit of its own: `entry` is put into the tree of the wanted one,
 * before or behind what is there under `beside`.
 */
async function withEntry(entry: Buffer, where: 'before' | 'behind', beside: Buffer): Promise<Planted> {
  const tree = await scene.copyOf(scene.clone)
  await git(tree, 'fetch', '--quiet', scene.upstream.directory, 'main')
  await git(tree, 'update-ref', 'refs/remotes/origin/main', scene.commits.wanted)
  await git(tree, 'checkout', '--quiet', '--detach', scene.commits.wanted)
  await git(tree, 'repack', '-adq')
  await loosen(tree)
  const root = await gitBytes(tree, ['cat-file', 'tree', 'HEAD^{tree}'])
  const at = root.indexOf(beside) + (where === 'before' ? 0 : beside.length)
  const planted = await write(tree, 'tree', Buffer.concat([root.subarray(0, at), entry, root.subarray(at)]))
  const commit = await git(tree, 'commit-tree', '-p', 'HEAD', '-m', 'own', planted)
  await git(tree, 'update-ref', 'HEAD', commit)
  return { tree, commit }
}

interface Planted {
  readonly tree: string
  readonly commit: string
}

const HARMLESS = Buffer.from('harmless\n')
const idOf = (path: string) => git(scene.upstream.directory, 'rev-parse', `main:${path}`)
const harmlessId = async () =>
  (await gitBytes(scene.clone, ['hash-object', '--stdin'], HARMLESS)).toString().trim()

describe("a snapshot's commit that names a file twice", () => {
  it.each(['before', 'behind'] as const)('hides no forged object, the other one %s it', async (where) => {
    const id = await idOf('README.md')
    const entry = treeEntry('100644', 'README.md', await harmlessId())
    const { tree, commit } = await withEntry(entry, where, treeEntry('100644', 'README.md', id))
    await write(tree, 'blob', HARMLESS)
    writeFileSync(join(tree, 'README.md'), HARMLESS)
    forge(tree, id, 'blob', Buffer.from('forged\n'))
    await scene.serve(tree, undefined, commit)
    await scene.expectFailure({ inputs: { 'on-miss': 'fail' } }, 'UNSAFE_GIT', /is not what its name says/)
  })

  it('has no other file in a directory that has the wanted name', async () => {
    const entry = treeEntry('100644', 'src/main.ts', await harmlessId())
    const { tree, commit } = await withEntry(entry, 'behind', treeEntry('40000', 'src', await idOf('src')))
    await write(tree, 'blob', HARMLESS)
    writeFileSync(join(tree, 'src/main.ts'), HARMLESS)
    await scene.serve(tree, undefined, commit)
    const { workspace } = await scene.restore()
    await scene.expectCommit(workspace)
    expect(readFileSync(join(workspace, 'src/main.ts'), 'utf8')).toBe("console.log('hello')\n")
  })

  it('hides no forged object in a directory that has the wanted name', async () => {
    const entry = treeEntry('100644', 'src/main.ts', await harmlessId())
    const { tree, commit } = await withEntry(entry, 'behind', treeEntry('40000', 'src', await idOf('src')))
    await write(tree, 'blob', HARMLESS)
    writeFileSync(join(tree, 'src/main.ts'), HARMLESS)
    forge(tree, await idOf('src/main.ts'), 'blob', Buffer.from('forged\n'))
    await scene.serve(tree, undefined, commit)
    await scene.expectFailure({ inputs: { 'on-miss': 'fail' } }, 'UNSAFE_GIT', /is not what its name says/)
  })

  it('hides no forged object in a directory that is a submodule as well', async () => {
    const entry = treeEntry('160000', 'src', scene.commits.wanted)
    const { tree, commit } = await withEntry(entry, 'before', treeEntry('40000', 'src', await idOf('src')))
    forge(tree, await idOf('src/main.ts'), 'blob', Buffer.from('forged\n'))
    await scene.serve(tree, undefined, commit)
    const { workspace } = await scene.restore()
    await scene.expectCommit(workspace)
    expect(readFileSync(join(workspace, 'src/main.ts'), 'utf8')).toBe("console.log('hello')\n")
  })
})
