import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type CleanClone, makeCleanClone } from '../../src/git/clean-clone.ts'
import { settingsEnvironment } from '../../src/git/settings.ts'
import { type Plant, plants } from '../hostile-git/plants.ts'
import { useScene } from '../hostile-git/scene.ts'
import { tarDirectory } from '../support/archive.ts'
import { git, gitEnvironment } from '../support/git-repo.ts'
import { basicCredential } from '../support/github-server.ts'
import { listTree } from '../support/working-copy.ts'
import { gitContext } from './git-context.ts'

const scene = useScene()

/** What gits older than 2.39.4 run for whoever fetches from such a repository. */
const FETCHED_FROM: readonly Plant[] = [
  {
    what: 'uploadpack.packObjectsHook',
    plant: (tree, { canary }) => git(tree, 'config', 'uploadpack.packObjectsHook', canary.program),
    triggers: [],
  },
  {
    what: 'a promisor remote with its uploadpack, and an object that is missing',
    plant: (tree, { upstream, canary }) => {
      appendFileSync(
        join(tree, '.git/config'),
        `[remote "origin"]\n\tpromisor = true\n\turl = ${upstream.directory}\n\tuploadpack = ${canary.program}\n`,
      )
      rmSync(join(tree, '.git/objects'), { recursive: true })
      mkdirSync(join(tree, '.git/objects'))
    },
    triggers: [],
  },
]

async function cleanClone(workspace: string, depth: 0 | 1): Promise<CleanClone & { readonly into: string }> {
  const { commits, originUrl: url, forge } = scene
  const into = scene.place('into')
  mkdirSync(into)
  const header = `AUTHORIZATION: basic ${basicCredential(forge.token)}`
  const env = settingsEnvironment([[`http.${forge.github.url}/.extraheader`, header]], gitEnvironment)
  const retries = { random: () => 0, wait: async () => {}, onRetry: () => {} }
  const asked = { workspace, origin: { url, env }, commit: commits.snapshot, branch: 'main', depth, into }
  const made = await makeCleanClone({
    ...gitContext,
    ...asked,
    retries,
    onProgress: undefined,
    log: () => {},
  })
  return { ...made, into }
}

describe('a clean clone of a workspace in which somebody has planted', () => {
  it.each([...plants, ...FETCHED_FROM])('$what, runs, asks and writes nothing', async ({ plant }) => {
    const workspace = await scene.copyOf(scene.clone)
    await plant(workspace, scene)
    scene.canary.reset()
    const { into } = await cleanClone(workspace, 0)
    await scene.expectCommit(into, scene.commits.snapshot)
    const keys = (await git(into, 'config', '--local', '--name-only', '--list')).split('\n')
    expect(keys.filter((key) => !/^(core|remote\.origin|branch\.main)\.\w+$/.test(key))).toEqual([])
    expect(scene.canary.signs).toEqual([])
  })
})

describe.each([0, 1] as const)('a clean clone of depth %i', (depth) => {
  it('is restored as a snapshot, at its commit', async () => {
    const { into } = await cleanClone(scene.clone, depth)
    await scene.serve(into)
    const asked = { commit: scene.commits.snapshot, inputs: { 'fetch-depth': `${depth}`, 'on-miss': 'fail' } }
    const { workspace, report } = await scene.restore(asked)
    expect(report).toMatchObject({ outcome: 'restored', freshenedBy: 'none' })
    await scene.expectCommit(workspace, scene.commits.snapshot)
    expect(await git(workspace, 'fsck', '--no-progress')).toBe('')
  })

  it('is restored as a snapshot, and goes on to a newer commit', async () => {
    const { into } = await cleanClone(scene.clone, depth)
    await scene.serve(into)
    const inputs = { 'fetch-depth': `${depth}`, 'on-miss': 'fail' }
    const { workspace, report } = await scene.restore({ inputs })
    expect(report).toMatchObject({ outcome: 'restored', freshenedBy: 'origin' })
    await scene.expectCommit(workspace)
    expect(await git(workspace, 'fsck', '--no-progress')).toBe('')
    expect(await git(workspace, 'rev-parse', '--is-shallow-repository')).toBe(`${depth === 1}`)
  })

  it('is whole after a plain tar', async () => {
    const { into } = await cleanClone(scene.clone, depth)
    const unpacked = scene.place('unpacked')
    mkdirSync(unpacked)
    execFileSync('tar', ['-xpf', '-', '-C', unpacked], { input: Buffer.concat([...tarDirectory(into)]) })
    expect(listTree(unpacked)).toEqual(listTree(into))
    await scene.expectCommit(unpacked, scene.commits.snapshot)
    expect(await git(unpacked, 'fsck', '--no-progress')).toBe('')
  })
})
