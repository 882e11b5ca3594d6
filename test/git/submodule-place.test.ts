import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gitIn } from '../../src/git/git.ts'
import type { Superproject } from '../../src/git/submodule-listing.ts'
import { placeSubmodule } from '../../src/git/submodule-place.ts'
import { git, makeUpstream } from '../support/git-repo.ts'
import { change } from '../support/site.ts'
import { temporary } from '../support/temporary.ts'
import { cloneOf, listTree } from '../support/working-copy.ts'
import { gitContext } from './git-context.ts'

/** A superproject with nothing in it, and a clone that is to be a submodule of it. */
async function scene(): Promise<{ clone: string; superproject: Superproject }> {
  const root = temporary()
  const clone = await cloneOf(await makeUpstream({ root }, [change('file.txt')]), root)
  const tree = join(root, 'tree')
  await git(root, 'init', '--quiet', 'tree')
  return { clone, superproject: { git: gitIn(tree, gitContext), tree, gitDirectory: join(tree, '.git') } }
}

function submodule(path: string) {
  return { name: 'a/name', path, commit: '', url: '' }
}

describe('a clone that becomes a submodule', () => {
  it('lies in the tree and in the .git of the superproject, wherever that is moved', async () => {
    const { clone, superproject } = await scene()
    mkdirSync(join(superproject.tree, 'libs/lib'), { recursive: true })
    const place = await placeSubmodule(clone, superproject, submodule('libs/lib'))
    expect(place).toEqual({
      tree: join(superproject.tree, 'libs/lib'),
      gitDirectory: join(superproject.gitDirectory, 'modules/a/name'),
    })
    expect(readFileSync(join(place.tree, '.git'), 'utf8')).toBe('gitdir: ../../.git/modules/a/name\n')
    const moved = join(temporary(), 'moved')
    renameSync(superproject.tree, moved)
    expect(await git(join(moved, 'libs/lib'), 'status', '--porcelain')).toBe('')
    expect(await git(join(moved, '.git/modules/a/name'), 'config', 'core.worktree')).toBe(
      '../../../../libs/lib',
    )
  })

  it('goes nowhere that a link leads to', async () => {
    const { clone, superproject } = await scene()
    const outside = temporary()
    mkdirSync(join(outside, 'lib'))
    symlinkSync(outside, join(superproject.tree, 'libs'))
    const before = listTree(superproject.tree)
    await expect(placeSubmodule(clone, superproject, submodule('libs/lib'))).rejects.toMatchObject({
      code: 'UNSAFE_GIT',
    })
    expect(listTree(superproject.tree)).toEqual(before)
    expect(listTree(outside)).toEqual(['./lib/ 755'])
  })

  it('takes the place of nothing that is there', async () => {
    const { clone, superproject } = await scene()
    mkdirSync(join(superproject.tree, 'lib'))
    writeFileSync(join(superproject.tree, 'lib/mine'), 'mine')
    const before = listTree(superproject.tree)
    await expect(placeSubmodule(clone, superproject, submodule('lib'))).rejects.toThrow('ENOTEMPTY')
    await expect(placeSubmodule(clone, superproject, submodule('missing'))).rejects.toThrow('ENOENT')
    expect(listTree(superproject.tree)).toEqual(before)
  })

  it('takes the place of no repository', async () => {
    const { clone, superproject } = await scene()
    mkdirSync(join(superproject.tree, 'lib'))
    mkdirSync(join(superproject.gitDirectory, 'modules/a/name'), { recursive: true })
    const before = listTree(superproject.tree)
    const placed = placeSubmodule(clone, superproject, submodule('lib'))
    await expect(placed).rejects.toMatchObject({ code: 'UNSAFE_GIT' })
    expect(listTree(superproject.tree)).toEqual(before)
  })
})
