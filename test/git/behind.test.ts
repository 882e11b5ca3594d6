import { realpath } from 'node:fs/promises'
import { beforeEach, expect, it } from 'vitest'
import { commitsBehind } from '../../src/git/behind.ts'
import { git } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

let tree: string

beforeEach(async () => {
  tree = await realpath(temporary())
  await git(tree, 'init', '--quiet', '--initial-branch=main')
})

async function commit(message: string): Promise<string> {
  await git(tree, 'commit', '--quiet', '--allow-empty', `--message=${message}`)
  return git(tree, 'rev-parse', 'HEAD')
}

function behind(base: string, wanted: string): Promise<number | undefined> {
  return commitsBehind({ ...gitContext, tree, base, commit: wanted })
}

it('counts the commits that the base has not, and none in the other direction', async () => {
  const base = await commit('one')
  for (const message of ['two', 'three']) await commit(message)
  const wanted = await commit('four')
  expect(await behind(base, wanted)).toBe(3)
  expect(await behind(wanted, base)).toBe(0)
})

it('counts only what is on one side where the two have parted', async () => {
  const root = await commit('one')
  const base = await commit('two')
  await git(tree, 'checkout', '--quiet', '-b', 'other', root)
  expect(await behind(base, await commit('three'))).toBe(1)
})

it('does not count where history is cut off, or the base is not there', async () => {
  const first = await commit('one')
  const wanted = await commit('two')
  expect(await behind(`${'0'.repeat(39)}1`, wanted)).toBeUndefined()
  const upstream = tree
  tree = await realpath(temporary())
  await git(tree, 'clone', '--quiet', '--depth=1', `file://${upstream}`, '.')
  expect(await behind(first, wanted)).toBeUndefined()
})
