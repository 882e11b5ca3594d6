import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { git, gitBytes } from '../support/git-repo.ts'
import { forge, keepOnly, loosen, objectNames, packAside, treeEntry, write } from './forging.ts'
import { useScene } from './scene.ts'

const scene = useScene()

const [FIRST, LAST] = ['0'.repeat(40), 'f'.repeat(40)]
/** What the honest pack is called, and the other one. */
const ORDERS = [
  ['first', FIRST, LAST],
  ['last', LAST, FIRST],
] as const

describe('an object that two packs have, one of them forged', () => {
  it.each(ORDERS)('is no file of the tree, the honest pack named %s', async (_, honest, other) => {
    const tree = await scene.copyOf(scene.clone)
    await loosen(tree)
    const id = await git(tree, 'rev-parse', 'HEAD:README.md')
    const good = await packAside(tree, [id], honest)
    forge(tree, id, 'blob', Buffer.from('forged\n'))
    const bad = await packAside(tree, await objectNames(tree), other)
    keepOnly(tree, [good, bad])
    rmSync(join(tree, 'README.md'))
    await scene.serve(tree)
    const { workspace } = await scene.restore({ commit: scene.commits.snapshot })
    await scene.expectCommit(workspace, scene.commits.snapshot)
    expect(readFileSync(join(workspace, 'README.md'), 'utf8')).toBe('# A project\n')
    expect(await git(workspace, 'show', 'HEAD:README.md')).toBe('# A project')
  })

  it.each(ORDERS)('is no directory of the tree, the honest pack named %s', async (_, honest, other) => {
    const tree = await scene.copyOf(scene.clone)
    await loosen(tree)
    const good = await packAside(tree, await objectNames(tree), honest)
    const commit = await git(tree, 'commit-tree', '-p', 'HEAD', '-m', 'own', 'HEAD^{tree}')
    const src = await git(tree, 'rev-parse', 'HEAD:src')
    const evil = await write(tree, 'blob', Buffer.from('evil\n'))
    forge(tree, src, 'tree', treeEntry('100644', 'main.ts', evil))
    const root = await git(tree, 'rev-parse', 'HEAD^{tree}')
    const bad = await packAside(tree, [commit, root, src, evil], other)
    keepOnly(tree, [good, bad])
    await git(tree, 'update-ref', 'HEAD', commit)
    writeFileSync(join(tree, 'src/main.ts'), 'evil\n')
    await scene.serve(tree, undefined, commit)
    const { workspace } = await scene.restore({ commit: scene.commits.snapshot })
    await scene.expectCommit(workspace, scene.commits.snapshot)
    expect(readFileSync(join(workspace, 'src/main.ts'), 'utf8')).toBe("console.log('hello')\n")
    expect(await git(workspace, 'show', 'HEAD:src/main.ts')).toBe("console.log('hello')")
  })

  it("is not chosen by the archive's own index of all packs", async () => {
    const tree = await scene.copyOf(scene.clone)
    await gitBytes(tree, ['multi-pack-index', 'write'])
    await scene.serve(tree)
    const { workspace, report } = await scene.restore({ commit: scene.commits.snapshot })
    expect(report.outcome).toBe('restored')
    expect(readdirSync(join(workspace, '.git/objects/pack')).join()).not.toContain('multi')
  })
})
