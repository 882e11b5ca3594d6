import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { git } from '../support/git-repo.ts'
import { forge, loosen } from './forging.ts'
import { useScene } from './scene.ts'

const AUTOCRLF = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'core.autocrlf', GIT_CONFIG_VALUE_0: 'true' }
const NO_SYMLINKS = { ...AUTOCRLF, GIT_CONFIG_KEY_0: 'core.symlinks', GIT_CONFIG_VALUE_0: 'false' }

describe.each(['sha1', 'sha256'] as const)('a forged object of a %s repository', (objectFormat) => {
  const scene = useScene(objectFormat)

  /** A copy of the clone in which the object of this file holds something else, and the file still what it did. */
  async function withForged(path: string): Promise<string> {
    const tree = await scene.copyOf(scene.clone)
    await loosen(tree)
    forge(tree, await git(tree, 'rev-parse', `HEAD:${path}`), 'blob', Buffer.from('forged\n'))
    expect(await git(tree, 'show', `HEAD:${path}`)).toBe('forged')
    return tree
  }

  it.each([
    ['where git is to write all files', 'README.md', {}, AUTOCRLF],
    [
      'where git is to write the files of some directories',
      'src/main.ts',
      { 'sparse-checkout': 'src' },
      AUTOCRLF,
    ],
  ])('refuses the snapshot %s', async (_, path, inputs, env) => {
    await scene.serve(await withForged(path))
    const asked = { commit: scene.commits.snapshot, inputs: { ...inputs, 'on-miss': 'fail' }, env }
    await scene.expectFailure(asked, 'UNSAFE_GIT', /is not what its name says/)
  })

  it('refuses the snapshot where its file is missing in a directory that is asked for', async () => {
    const tree = await withForged('src/main.ts')
    rmSync(join(tree, 'src/main.ts'))
    await scene.serve(tree)
    const inputs = { 'sparse-checkout': 'src', 'on-miss': 'fail' }
    const asked = { commit: scene.commits.snapshot, inputs }
    await scene.expectFailure(asked, 'UNSAFE_GIT', /is not what its name says/)
  })

  it.each([
    ['of a file that is unpacked', 'README.md', {}],
    ['of a file that is unpacked where git makes no links', 'README.md', NO_SYMLINKS],
    ['of a file that a sparse checkout leaves out', 'bin/run', {}],
  ])('%s is not in the tree', async (_, path, env) => {
    await scene.serve(await withForged(path))
    const inputs = { 'sparse-checkout': 'src' }
    const { workspace, report } = await scene.restore({ commit: scene.commits.snapshot, inputs, env })
    expect(report.outcome).toBe('restored')
    expect(existsSync(join(workspace, 'bin'))).toBe(false)
    expect(readFileSync(join(workspace, 'README.md'), 'utf8')).toBe('# A project\n')
    expect(await git(workspace, 'status', '--porcelain')).toBe('')
  })

  it.each(['1', '0'])(
    'that is the tag of the job is not taken for one that was moved, fetch-depth %s',
    async (depth) => {
      const { before, snapshot } = scene.commits
      await git(scene.upstream.directory, 'tag', '--annotate', '--force', '--message=v7', 'v7', snapshot)
      const tree = await scene.cloned()
      await git(tree, 'checkout', '--quiet', '-B', 'main', snapshot)
      await loosen(tree)
      const tag = await git(tree, 'cat-file', 'tag', 'v7')
      const forged = Buffer.from(`${tag.replace(snapshot, before)}\n`)
      forge(tree, await git(tree, 'rev-parse', 'v7'), 'tag', forged)
      await scene.serve(tree)
      const inputs = { 'fetch-depth': depth }
      const asked = { commit: snapshot, ref: 'refs/tags/v7', inputs }
      const { workspace, report, warnings } = await scene.restore(asked)
      expect(report.outcome).toBe('fetched')
      expect(warnings).toEqual([expect.stringMatching(/is not what its name says/)])
      expect(await git(workspace, 'rev-parse', 'HEAD', 'v7^{commit}')).toBe(`${snapshot}\n${snapshot}`)
    },
  )
})
