import { realpath } from 'node:fs/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Git, gitIn } from '../../src/git/git.ts'
import { commitOf, dropConflictingRefs, dropOtherBranches, dropReplaceRefs } from '../../src/git/refs.ts'
import { targetOf } from '../../src/git/wanted.ts'
import { git as plainGit } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

let repository: string
let commit: string
let git: Git

beforeEach(async () => {
  repository = await realpath(temporary())
  await plainGit(repository, 'init', '--quiet', '--initial-branch=main')
  await plainGit(repository, 'commit', '--quiet', '--allow-empty', '--message=First')
  commit = await plainGit(repository, 'rev-parse', 'HEAD')
  git = gitIn(repository, gitContext)
})

async function make(...names: string[]): Promise<void> {
  for (const name of names) await plainGit(repository, 'update-ref', name, commit)
}

const refs = async () => (await plainGit(repository, 'for-each-ref', '--format=%(refname)')).split('\n')

describe('the branches of a clone', () => {
  it('are gone but for the wanted one', async () => {
    await make('refs/heads/a', 'refs/heads/b/c', 'refs/remotes/origin/a', 'refs/tags/a')
    await dropOtherBranches(git, targetOf('refs/heads/main', commit))
    expect(await refs()).toEqual(['refs/heads/main', 'refs/remotes/origin/a', 'refs/tags/a'])
    expect(await plainGit(repository, 'symbolic-ref', 'HEAD')).toBe('refs/heads/main')
  })

  it.each(['refs/heads/other', 'refs/pull/1/merge', 'refs/tags/v1', ''])(
    'leave HEAD at its commit when the one it is on goes for %j',
    async (ref) => {
      await plainGit(repository, 'config', 'branch.main.remote', 'origin')
      await dropOtherBranches(git, targetOf(ref, commit))
      expect(await refs()).toEqual([''])
      expect(await commitOf(git)).toBe(commit)
      await expect(plainGit(repository, 'config', '--get-regexp', '^branch')).rejects.toThrow()
    },
  )

  it('leave git in the know of what HEAD is detached at when the one it is on goes', async () => {
    await make('refs/remotes/pull/1/merge')
    await dropOtherBranches(git, targetOf('refs/pull/1/merge', commit))
    expect(await plainGit(repository, 'branch')).toBe('* (HEAD detached at pull/1/merge)')
  })

  it('go by the thousand', async () => {
    const creations = Array.from({ length: 3000 }, (_, n) => `create refs/heads/old/${n} ${commit}\n`)
    await git.run(['update-ref', '--stdin'], { input: Buffer.from(creations.join('')) })
    await git.run(['pack-refs', '--all'])
    await dropOtherBranches(git, targetOf('refs/heads/main', commit))
    expect(await refs()).toEqual(['refs/heads/main'])
  })
})

describe('the tracking refs of a clone', () => {
  it.each([
    ['refs/heads/foo', 'refs/remotes/origin/foo/bar'],
    ['refs/heads/foo/bar', 'refs/remotes/origin/foo'],
    ['refs/heads/foo/bar/baz', 'refs/remotes/origin/FOO'],
    ['refs/pull/1/merge', 'refs/remotes/pull/1'],
    ['refs/pull/1/merge', 'refs/remotes/pull/1/merge/x'],
    ['refs/tags/v1', 'refs/tags/v1/rc'],
    ['refs/tags/v1/rc', 'refs/tags/V1'],
  ])('make room for %s where %s is', async (wanted, inTheWay) => {
    const others = ['refs/heads/main', 'refs/remotes/origin/food', 'refs/remotes/origin/other/foo']
    await make(...others.slice(1), inTheWay)
    await dropConflictingRefs(git, targetOf(wanted, commit))
    expect(await refs()).toEqual(others)
  })

  it('stay where nothing is in the way', async () => {
    await make('refs/remotes/origin/foo', 'refs/remotes/origin/foobar', 'refs/tags/foo')
    const before = await refs()
    for (const ref of ['refs/heads/foo', 'refs/notes/foo', '']) {
      await dropConflictingRefs(git, targetOf(ref, commit))
    }
    expect(await refs()).toEqual(before)
  })
})

describe('the replacements of a clone', () => {
  it('are gone, and no other ref is, whatever they lead to', async () => {
    const before = await refs()
    await make(`refs/replace/${'0123456789'.repeat(4)}`)
    await plainGit(repository, 'symbolic-ref', `refs/replace/${commit}`, 'refs/heads/main')
    await dropReplaceRefs(git)
    expect(await refs()).toEqual(before)
    await dropReplaceRefs(git)
    expect(await refs()).toEqual(before)
  })
})
