import { existsSync, statSync } from 'node:fs'
import { mkdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { type CheckOutOptions, checkOut } from '../../src/git/check-out.ts'
import { gitIn } from '../../src/git/git.ts'
import { dropOtherBranches } from '../../src/git/refs.ts'
import { targetOf } from '../../src/git/wanted.ts'
import { forge, loosen } from '../hostile-git/forging.ts'
import { git, makeUpstream, type Upstream } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

let root: string
let tree: string
let upstream: Upstream

beforeEach(async () => {
  root = await realpath(temporary())
  tree = join(root, 'tree')
  upstream = await makeUpstream({ root })
  await upstream.git('tag', 'light', 'main~1')
  await upstream.git('tag', '--annotate', '--message=One', 'v1', 'main~1')
  await git(root, 'clone', '--quiet', upstream.directory, tree)
})

/** Takes the clone to what the upstream has at a ref; freshening has brought it there, and no other branch is left. */
async function checkOutAt(ref: string, options: Partial<CheckOutOptions> = {}): Promise<string> {
  const revision = ref === '' ? 'main~1' : ref
  const target = targetOf(ref, await upstream.git('rev-parse', `${revision}^{commit}`))
  const ownGit = gitIn(tree, gitContext)
  await dropOtherBranches(ownGit, target)
  return checkOut({
    git: ownGit,
    tree,
    target,
    sparse: undefined,
    clone: 'new',
    untracked: 'keep',
    ...options,
  })
}

const config = (...query: string[]) => git(tree, 'config', '--local', ...query)
const status = () => git(tree, 'status', '--porcelain')
const branches = () => git(tree, 'for-each-ref', '--format=%(refname)', 'refs/heads')
const isDetached = () =>
  git(tree, 'symbolic-ref', '--quiet', 'HEAD').then(
    () => false,
    () => true,
  )

describe('checking out a branch', () => {
  it('is on it, with its upstream, at the commit of its tracking ref', async () => {
    const commit = await upstream.commit([{ path: 'README.md', content: 'newer\n' }])
    await git(tree, 'fetch', '--quiet')
    expect(await checkOutAt('refs/heads/main')).toBe(commit)
    expect(await git(tree, 'symbolic-ref', 'HEAD')).toBe('refs/heads/main')
    expect(await git(tree, 'rev-parse', 'HEAD', '@{upstream}')).toBe(`${commit}\n${commit}`)
    expect(await git(tree, 'status', '--short', '--branch')).toBe('## main...origin/main')
    expect(await readFile(join(tree, 'README.md'), 'utf8')).toBe('newer\n')
  })

  it('goes to an older commit as well, and removes what that does not have', async () => {
    const newer = await git(tree, 'rev-parse', 'HEAD')
    const older = await upstream.git('rev-parse', 'main~2')
    await upstream.git('update-ref', 'refs/heads/main', older)
    await git(tree, 'fetch', '--quiet')
    expect(await checkOutAt('refs/heads/main')).toBe(older)
    expect(newer).not.toBe(older)
    expect(existsSync(join(tree, 'src/many'))).toBe(false)
    expect(await status()).toBe('')
  })

  it('leaves no other branch and nothing of one in the config', async () => {
    await upstream.git('branch', 'feature/a', 'main')
    await git(tree, 'fetch', '--quiet')
    await git(tree, 'branch', '--quiet', 'left/over')
    await checkOutAt('refs/heads/feature/a')
    expect(await branches()).toBe('refs/heads/feature/a')
    expect(await config('--get-regexp', '^branch\\.')).toBe(
      'branch.feature/a.remote origin\nbranch.feature/a.merge refs/heads/feature/a',
    )
  })

  it('takes the place of a directory of branches, or of a branch that is one of its directories', async () => {
    await upstream.git('branch', 'a/b', 'main')
    await git(tree, 'fetch', '--quiet')
    await git(tree, 'checkout', '--quiet', '-b', 'a')
    await checkOutAt('refs/heads/a/b')
    expect(await branches()).toBe('refs/heads/a/b')
    await git(tree, 'branch', '--quiet', '--move', 'a/b', 'main/below')
    await checkOutAt('refs/heads/main')
    expect(await branches()).toBe('refs/heads/main')
  })

  it('works in a clone that has nothing checked out', async () => {
    await rm(tree, { recursive: true })
    await git(root, 'clone', '--quiet', '--no-checkout', upstream.directory, tree)
    await git(tree, 'symbolic-ref', 'HEAD', 'refs/heads/unborn')
    await checkOutAt('refs/heads/main')
    expect(await branches()).toBe('refs/heads/main')
    expect(await status()).toBe('')
  })
})

describe('checking out what is no branch', () => {
  it.each([
    ['a light tag', 'refs/tags/light'],
    ['a tag with an annotation', 'refs/tags/v1'],
    ['a commit', ''],
  ])('detaches HEAD at %s', async (_, ref) => {
    const commit = await checkOutAt(ref)
    expect(commit).toBe(await upstream.git('rev-parse', 'main~1'))
    expect(await git(tree, 'rev-parse', 'HEAD')).toBe(commit)
    expect(await isDetached()).toBe(true)
    expect(await branches()).toBe('')
    expect(await config('--name-only', '--list')).not.toContain('branch.')
    expect(await status()).toBe('')
  })

  it('detaches HEAD at the merge of a pull request', async () => {
    const { merge } = await upstream.pullRequest(7, [{ path: 'added.md', content: 'from a fork\n' }])
    await git(tree, 'fetch', '--quiet', 'origin', `+${merge}:refs/remotes/pull/7/merge`)
    expect(await checkOutAt('refs/pull/7/merge')).toBe(merge)
    expect(await isDetached()).toBe(true)
    expect(await readFile(join(tree, 'added.md'), 'utf8')).toBe('from a fork\n')
  })

  it('stops where the tracking ref is at another commit than is wanted', async () => {
    await git(tree, 'tag', '--force', 'light', 'origin/main')
    await expect(checkOutAt('refs/tags/light')).rejects.toMatchObject({ code: 'COMMIT_MISMATCH' })
  })
})

describe('the files after a checkout', () => {
  it('writes missing and changed ones anew and touches no other', async () => {
    const inode = () => statSync(join(tree, 'data/large.bin')).ino
    const before = inode()
    await rm(join(tree, 'src/new.ts'))
    await writeFile(join(tree, 'README.md'), 'changed\n')
    await checkOutAt('refs/heads/main')
    expect(await status()).toBe('')
    expect(inode()).toBe(before)
  })

  it('gives way to a tracked file where something else is in its place', async () => {
    await rm(join(tree, 'src/many'), { recursive: true })
    await symlink('../data', join(tree, 'src/many'))
    await rm(join(tree, 'bin/run'))
    await mkdir(join(tree, 'bin/run/deep'), { recursive: true })
    await writeFile(join(tree, 'bin/run/deep/file'), '')
    await checkOutAt('refs/heads/main')
    expect(await status()).toBe('')
    expect(existsSync(join(tree, 'data/a.ts'))).toBe(false)
  })

  it('removes foreign ones, ignored ones and whole repositories too, where that is asked', async () => {
    await writeFile(join(tree, '.git/info/exclude'), 'ignored\n')
    await mkdir(join(tree, 'nested/repository'), { recursive: true })
    await git(join(tree, 'nested/repository'), 'init', '--quiet')
    for (const name of ['ignored', 'src/foreign.ts']) await writeFile(join(tree, name), '')
    await checkOutAt('refs/heads/main')
    expect(existsSync(join(tree, 'ignored'))).toBe(true)
    await checkOutAt('refs/heads/main', { untracked: 'remove' })
    expect(await git(tree, 'status', '--porcelain', '--ignored')).toBe('')
    expect(existsSync(join(tree, 'nested'))).toBe(false)
  })

  it('empties the directory of a submodule, in which git would overlook foreign files', async () => {
    const gitlink = `160000,${await upstream.git('rev-parse', 'main')},lib/sub module`
    await git(tree, 'update-index', '--add', '--cacheinfo', gitlink)
    await git(tree, 'commit', '--quiet', '--message=A submodule')
    await git(tree, 'push', '--quiet', 'origin', 'main')
    await mkdir(join(tree, 'lib/sub module'), { recursive: true })
    await writeFile(join(tree, 'lib/sub module/foreign'), '')
    await checkOutAt('refs/heads/main', { untracked: 'remove' })
    expect(existsSync(join(tree, 'lib/sub module/foreign'))).toBe(false)
    expect(await status()).toBe('')
  })

  it('are written from proven blobs alone, where foreign ones are removed', async () => {
    const id = await git(tree, 'rev-parse', 'HEAD:README.md')
    await loosen(tree)
    forge(tree, id, 'blob', Buffer.from('forged\n'))
    await checkOutAt('refs/heads/main', { untracked: 'remove' })
    await rm(join(tree, 'README.md'))
    await expect(checkOutAt('refs/heads/main', { untracked: 'remove' })).rejects.toMatchObject({
      code: 'UNSAFE_GIT',
      message: expect.stringContaining(`${id} is missing or is not what its name says`),
    })
    expect(existsSync(join(tree, 'README.md'))).toBe(false)
  })

  it('tells progress where somebody listens', async () => {
    const lines: string[] = []
    await rm(tree, { recursive: true })
    await git(root, 'clone', '--quiet', '--no-checkout', upstream.directory, tree)
    const env = { GIT_PROGRESS_DELAY: '0' }
    await checkOutAt('refs/heads/main', { env, onLine: (line) => lines.push(line) })
    expect(lines.join('\n')).toMatch(/^Updating files: 100%/m)
  })

  it('come from the origin as they are needed, in a clone that lacks some', async () => {
    await rm(tree, { recursive: true })
    await upstream.git('config', 'uploadpack.allowFilter', 'true')
    await upstream.git('config', 'uploadpack.allowAnySHA1InWant', 'true')
    const url = `file://${upstream.directory}`
    await git(root, 'clone', '--quiet', '--no-checkout', '--filter=blob:none', url, tree)
    const env = { GIT_NO_LAZY_FETCH: undefined, GIT_ALLOW_PROTOCOL: 'file' }
    await checkOutAt('refs/heads/main', { env, sparse: { patterns: ['bin'], isCone: true } })
    expect(await git(tree, 'ls-files', '-t', 'bin', 'data/-rf')).toBe('H bin/run\nS data/-rf')
    expect(await readFile(join(tree, 'bin/run'), 'utf8')).toContain('echo run')
    const missing = await git(tree, 'rev-list', '--objects', '--all', '--missing=print')
    expect(missing).toMatch(/^\?/m)
  })
})
