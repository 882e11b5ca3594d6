import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type PlainCloneOptions, plainClone } from '../../src/git/plain-clone.ts'
import { targetOf } from '../../src/git/wanted.ts'
import { git } from '../support/git-repo.ts'
import { type ServedOrigin, serveOrigin } from './served-origin.ts'

const MAIN = 'refs/heads/main'
const TAG = 'refs/tags/v1'

let served: ServedOrigin
let tree: string
let tip: string

beforeEach(async () => {
  served = await serveOrigin()
  tree = join(served.root, 'tree')
  await mkdir(tree)
  tip = await served.upstream.git('rev-parse', 'main')
})

afterEach(() => served.close())

function cloneOf(ref: string, commit: string, options: Partial<PlainCloneOptions> = {}) {
  const { origin, retries, place } = served
  const target = targetOf(ref, commit)
  const defaults = { depth: 1, filter: undefined, tags: 'none', onProgress: undefined } as const
  return plainClone({ ...place, ...defaults, tree, target, origin, retries, ...options })
}

async function refs(): Promise<Record<string, string>> {
  const listed = await git(tree, 'for-each-ref', '--format=%(refname) %(objectname)')
  return Object.fromEntries(listed.split('\n').map((line) => line.split(' ')))
}

const count = (revision: string) => git(tree, 'rev-list', '--count', revision)
const next = (branch = 'main') =>
  served.upstream.commit([{ path: 'README.md', content: `${branch} goes on\n` }], { branch })

describe('a plain clone', () => {
  it('has the wanted commit of a branch to the depth that is asked for, and nothing else', async () => {
    await served.upstream.git('branch', 'other')
    await served.upstream.git('tag', 'v1')
    await next()
    await cloneOf(MAIN, tip)
    expect(await refs()).toEqual({ 'refs/remotes/origin/main': tip })
    expect(await count(tip)).toBe('1')
    expect(await git(tree, 'ls-files')).toBe('')
  })

  it('has what git is set up with as actions/checkout does it, and not the token', async () => {
    await cloneOf(MAIN, tip)
    const get = (key: string) => git(tree, 'config', '--local', key)
    expect(await get('remote.origin.url')).toBe(served.origin.url)
    expect(await get('remote.origin.fetch')).toBe('+refs/heads/*:refs/remotes/origin/*')
    expect(await get('gc.auto')).toBe('0')
    expect(await readFile(join(tree, '.git/config'), 'utf8')).not.toMatch(/extraheader|basic/i)
  })

  it('has the merge commit of a pull request', async () => {
    const { merge } = await served.upstream.pullRequest(7, [{ path: 'new', content: 'new\n' }])
    await cloneOf('refs/pull/7/merge', merge, { depth: 2 })
    expect(await refs()).toEqual({ 'refs/remotes/pull/7/merge': merge })
    expect(await count(merge)).toBe('3')
  })

  it('has a commit of no branch', async () => {
    const left = await next('left')
    await served.upstream.git('branch', '-D', 'left')
    await cloneOf('', left)
    expect(await refs()).toEqual({ '': undefined })
    expect(await count(left)).toBe('1')
  })

  it.each([1, 0])('has an annotated tag as it is, with depth %i', async (depth) => {
    await served.upstream.git('tag', '-a', '-m', 'Annotated', 'v1')
    const object = await served.upstream.git('rev-parse', TAG)
    await cloneOf(TAG, tip, { depth })
    expect(await refs()).toMatchObject({ [TAG]: object })
  })

  it('has all tags where they are asked for, also when the wanted one is among them', async () => {
    await served.upstream.git('tag', 'v0', 'main~1')
    await served.upstream.git('tag', 'v1')
    const first = await served.upstream.git('rev-parse', 'main~1')
    await cloneOf(TAG, tip, { tags: 'all' })
    expect(await refs()).toEqual({ 'refs/tags/v0': first, [TAG]: tip })
  })

  it('has everything with depth 0, and its branch at the wanted commit although that has moved on', async () => {
    await served.upstream.git('branch', 'other')
    await served.upstream.git('tag', 'v1')
    const now = await next()
    await cloneOf(MAIN, tip, { depth: 0 })
    expect(await refs()).toEqual({
      'refs/remotes/origin/main': tip,
      'refs/remotes/origin/other': tip,
      [TAG]: tip,
    })
    expect(existsSync(join(tree, '.git/shallow'))).toBe(false)
    expect(await count(now)).toBe('3')
  })

  it('with depth 0 has a commit that was forced off its branch', async () => {
    const left = await next()
    await served.upstream.git('update-ref', MAIN, tip)
    await cloneOf(MAIN, left, { depth: 0 })
    expect(await refs()).toEqual({ 'refs/remotes/origin/main': left })
  })

  it('with a filter lacks the files until git asks for them', async () => {
    await cloneOf(MAIN, tip, { filter: 'blob:none' })
    expect(await git(tree, 'config', '--local', 'remote.origin.promisor')).toBe('true')
    expect(await git(tree, 'config', '--local', 'remote.origin.partialclonefilter')).toBe('blob:none')
    expect(await git(tree, 'rev-list', '--objects', '--missing=print', tip)).toMatch(/^\?/m)
  })

  it.each([1, 0])('is an error with depth %i where the tag has moved', async (depth) => {
    await served.upstream.git('tag', 'v1', 'main~1')
    await expect(cloneOf(TAG, tip, { depth })).rejects.toMatchObject({
      code: 'REF_MOVED',
      message: expect.stringContaining(
        `The ref 'refs/tags/v1' does not point to the expected commit '${tip}'`,
      ),
    })
  })

  it('is an error where the commit is not at the origin', async () => {
    await expect(cloneOf(MAIN, '1'.repeat(40))).rejects.toMatchObject({ code: 'REF_NOT_FOUND' })
  })

  it('is tried once with a filter that git does not know', async () => {
    await expect(cloneOf(MAIN, tip, { filter: 'blob:some' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: 'Input filter is "blob:some": a filter that git knows is allowed, such as blob:none or tree:0',
    })
    expect(served.delays).toEqual([])
  })

  it('is tried three times', async () => {
    served.script.fault = () => ({ status: 500 })
    await expect(cloneOf(MAIN, tip)).rejects.toMatchObject({ code: 'ORIGIN_FAILED' })
    expect(served.delays).toEqual([15_000, 15_000])
  })

  it('is of the object format that the commit has', async () => {
    const name = `${served.upstream.directory.slice(0, -'.git'.length)}-sha256.git`
    await git(served.root, 'init', '--quiet', '--bare', '--object-format=sha256', name)
    const empty = await git(name, 'hash-object', '-w', '-t', 'tree', '/dev/null')
    const commit = await git(name, 'commit-tree', '-m', 'First', empty)
    await git(name, 'update-ref', MAIN, commit)
    await cloneOf(MAIN, commit, { origin: { ...served.origin, url: `${served.origin.url}-sha256` } })
    expect(await git(tree, 'rev-parse', '--show-object-format')).toBe('sha256')
    expect(await refs()).toEqual({ 'refs/remotes/origin/main': commit })
  })

  it('tells its progress where that is asked for', async () => {
    const told: string[] = []
    await cloneOf(MAIN, tip, { onProgress: (line) => told.push(line) })
    expect(told.some((line) => line.includes('Counting objects'))).toBe(true)
  })
})
