import { symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gitIn } from '../../src/git/git.ts'
import { plainSubmodules, type Submodule } from '../../src/git/submodule-listing.ts'
import { git } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

const COMMIT = '1234567890123456789012345678901234567890'

/** A working copy whose index has a submodule at each of these paths, and which says this of them. */
async function superproject(modules: string, paths: readonly string[]): Promise<string> {
  const tree = temporary()
  await git(tree, 'init', '--quiet')
  await git(tree, 'remote', 'add', 'origin', 'https://github.com/octo/project')
  writeFileSync(join(tree, '.gitmodules'), modules)
  for (const path of paths) {
    await git(tree, 'update-index', '--add', '--cacheinfo', `160000,${COMMIT},${path}`)
  }
  return tree
}

function listed(tree: string): Promise<readonly Submodule[]> {
  return plainSubmodules({ git: gitIn(tree, gitContext), tree, gitDirectory: join(tree, '.git') })
}

function section(name: string, path = name, more = ''): string {
  return `[submodule "${name}"]\n\tpath = ${path}\n\turl = ../lib.git\n${more}`
}

describe('submodules', () => {
  it('are listed with the addresses that git writes down for them', async () => {
    const modules = `${section('a.b/c', 'libs/one')}[submodule "two"]\n\turl = git@github.com:octo/two\n\tpath = two\n`
    const tree = await superproject(modules, ['libs/one', 'two'])
    expect(await listed(tree)).toEqual([
      { name: 'a.b/c', path: 'libs/one', commit: COMMIT, url: 'https://github.com/octo/lib.git' },
      { name: 'two', path: 'two', commit: COMMIT, url: 'git@github.com:octo/two' },
    ])
    expect(await git(tree, 'config', 'submodule.a.b/c.url')).toBe('https://github.com/octo/lib.git')
  })

  it('are none where the commit has none, or says nothing of them in a file', async () => {
    expect(await listed(await superproject(section('lib'), []))).toEqual([])
    const tree = await superproject(section('lib'), ['lib'])
    unlinkSync(join(tree, '.gitmodules'))
    symlinkSync('elsewhere', join(tree, '.gitmodules'))
    expect(await listed(tree)).toEqual([])
  })

  it.each([
    ['a name in a .git', section('lib/.Git/x', 'lib'), ['lib']],
    ['a name that begins with a dash', section('-lib', 'lib'), ['lib']],
    ['a name with a backslash', section('lib\\\\x', 'lib'), ['lib']],
    ['a name with a colon', section('c:lib', 'lib'), ['lib']],
    ['a name that ends in a dot', section('lib.', 'lib'), ['lib']],
    ['an empty part in its name', section('a//lib', 'lib'), ['lib']],
    ['a name that git locks with', section('lib.lock', 'lib'), ['lib']],
    ['a path beyond ASCII', section('lib', 'l\u00edb'), ['l\u00edb']],
    ['an update of its own', section('lib', 'lib', '\tupdate = none\n'), ['lib']],
    ['a name in that of another', `${section('a', 'one')}${section('A/modules/b', 'two')}`, ['one', 'two']],
    [
      'the name of another, in upper case',
      `${section('lib', 'one')}${section('LIB', 'two')}`,
      ['one', 'two'],
    ],
    ['two names', `${section('one', 'lib')}${section('two', 'lib')}`, ['lib']],
    ['two paths', section('lib', 'one', '\tpath = lib\n'), ['lib']],
  ])('are left to git with %s', async (_, modules, paths) => {
    expect(await listed(await superproject(modules, paths))).toEqual([])
  })

  it('that are odd leave the others as they are', async () => {
    const tree = await superproject(`${section('-odd', 'odd')}${section('lib')}`, ['odd', 'lib'])
    expect((await listed(tree)).map(({ path }) => path)).toEqual(['lib'])
  })

  it('of a name that git suspects are an error of git', async () => {
    const tree = await superproject(section('../lib', 'lib'), ['lib'])
    await expect(listed(tree)).rejects.toMatchObject({ code: 'GIT_FAILED' })
  })

  it('are too many to be compared', async () => {
    const many = Array.from({ length: 1001 }, (_, index) => section(`lib${index}`))
    expect(await listed(await superproject(many.join(''), ['lib0']))).toEqual([])
  })
})
