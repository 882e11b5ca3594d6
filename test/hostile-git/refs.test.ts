import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { git } from '../support/git-repo.ts'
import { useScene } from './scene.ts'

const scene = useScene()

function write(tree: string, name: string, content: string): void {
  const file = join(tree, '.git', name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}

/** A copy of the clone, its HEAD at its commit and no branch. */
async function detached(): Promise<string> {
  const tree = await scene.copyOf(scene.clone)
  await git(tree, 'checkout', '--quiet', '--detach')
  return tree
}

/** Of the snapshot's own commit. */
const asked = () => ({ commit: scene.commits.snapshot, inputs: { 'on-miss': 'fail' } })

async function expectPlainMain(workspace: string): Promise<void> {
  expect(await git(workspace, 'symbolic-ref', 'HEAD')).toBe('refs/heads/main')
  expect(await git(workspace, 'for-each-ref', '--format=%(refname) %(symref)')).toBe(
    'refs/heads/main \nrefs/remotes/origin/main ',
  )
  await scene.expectCommit(workspace, scene.commits.snapshot)
}

describe('a ref of a snapshot that stands for another', () => {
  it.each(['refs/replace/before', 'refs/replace/snapshot', 'refs/heads/gh-pages', 'refs/tags/v9'])(
    'is not written through to %s',
    async (target) => {
      const tree = await detached()
      const { before, snapshot } = scene.commits
      const named = target.replace('before', before).replace('replace/snapshot', `replace/${snapshot}`)
      write(tree, 'refs/heads/main', `ref: ${named}\n`)
      await scene.serve(tree)
      const { workspace, report } = await scene.restore(asked())
      expect(report.outcome).toBe('restored')
      await expectPlainMain(workspace)
    },
  )

  it('is not written through where an earlier job has left it', async () => {
    const workspace = await scene.leave()
    await git(workspace, 'checkout', '--quiet', '--detach')
    write(workspace, 'refs/heads/main', `ref: refs/replace/${scene.commits.before}\n`)
    const { report } = await scene.restore({ ...asked(), workspace })
    expect(report.outcome).toBe('reused')
    await expectPlainMain(workspace)
  })

  it('is no reason to say that a tag was moved', async () => {
    const { snapshot } = scene.commits
    await git(scene.upstream.directory, 'tag', 'v1', snapshot)
    const tree = await scene.copyOf(scene.clone)
    write(tree, 'refs/tags/v1', `ref: refs/replace/${scene.commits.before}\n`)
    await scene.serve(tree)
    const inputs = { 'on-miss': 'fail', 'fetch-depth': '0' }
    const { workspace } = await scene.restore({ commit: snapshot, ref: 'refs/tags/v1', inputs })
    expect(await git(workspace, 'rev-parse', 'HEAD', 'v1')).toBe(`${snapshot}\n${snapshot}`)
    await git(scene.upstream.directory, 'tag', '--delete', 'v1')
  })
})

describe('packed refs of a snapshot', () => {
  it('hide no replacement', async () => {
    const { before, snapshot } = scene.commits
    const tree = await scene.copyOf(scene.clone)
    rmSync(join(tree, '.git/refs'), { recursive: true })
    const lines = [
      '# pack-refs with: peeled fully-peeled sorted ',
      `${snapshot} refs/tags/t`,
      `${snapshot} refs/heads/main`,
      snapshot,
      `refs/replace/${before}`,
      `${snapshot} refs/remotes/origin/main`,
    ]
    write(tree, 'packed-refs', `${lines.join('\n')}\n`)
    await scene.serve(tree)
    const { workspace } = await scene.restore(asked())
    expect(await git(workspace, 'replace', '--list')).toBe('')
    await expectPlainMain(workspace)
  })

  it('do not tell where a tag leads', async () => {
    const { before, snapshot } = scene.commits
    await git(scene.upstream.directory, 'tag', '--annotate', '--message=v9', 'v9', before)
    const tag = await git(scene.upstream.directory, 'rev-parse', 'v9')
    const tree = await scene.cloned()
    await git(tree, 'checkout', '--quiet', '-B', 'main', snapshot)
    await git(tree, 'pack-refs', '--all')
    const packed = readFileSync(join(tree, '.git/packed-refs'), 'utf8')
    expect(packed).toContain(`${tag} refs/tags/v9\n^${before}`)
    write(tree, 'packed-refs', packed.replace(`^${before}`, `^${snapshot}`))
    expect(await git(tree, 'describe', 'HEAD')).toBe('v9')
    await scene.serve(tree)
    const inputs = { 'on-miss': 'fail', 'fetch-depth': '0' }
    const { workspace } = await scene.restore({ commit: snapshot, inputs })
    expect(await git(workspace, 'describe', 'HEAD')).toMatch(/^v9-1-g/)
    await git(scene.upstream.directory, 'tag', '--delete', 'v9')
  })
})

describe('a broken ref of a snapshot', () => {
  it.each([
    ['holds garbage', 'refs/tags/broken', 'garbage\n'],
    ['is empty', 'refs/tags/broken', ''],
    ['names no object', 'refs/remotes/origin/zero', `${'0'.repeat(40)}\n`],
    ['names an object that is missing', 'refs/tags/missing', `${'1'.repeat(40)}\n`],
    ['belongs to a bisection', 'refs/bisect/bad', 'garbage\n'],
  ])('that %s does not stay, where the next fetch would fail', async (_, name, content) => {
    const tree = await scene.copyOf(scene.clone)
    write(tree, name, content)
    await scene.serve(tree)
    const { workspace } = await scene.restore(asked())
    await expectPlainMain(workspace)
    expect(existsSync(join(workspace, '.git', name))).toBe(false)
    await git(workspace, 'fetch', '--quiet', scene.upstream.directory, 'main')
  })
})

it('a graph of commits in a snapshot is not taken over', async () => {
  const tree = await scene.copyOf(scene.clone)
  await git(tree, 'commit-graph', 'write', '--reachable')
  await scene.serve(tree)
  const { workspace } = await scene.restore(asked())
  expect(existsSync(join(workspace, '.git/objects/info/commit-graph'))).toBe(false)
  await expectPlainMain(workspace)
})
