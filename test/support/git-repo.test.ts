import { join } from 'node:path'
import { expect, it } from 'vitest'
import { cloneUpstream, git, gitBytes, makeUpstream } from './git-repo.ts'
import { temporary } from './temporary.ts'

it('makes a bare repository that git finds nothing wrong with', async () => {
  const upstream = await makeUpstream({ root: temporary() })
  expect(upstream.directory).toMatch(/github\.com\/octo\/project\.git$/)
  expect(await upstream.git('fsck', '--strict')).toBe('')
  expect(await upstream.git('rev-list', '--count', 'main')).toBe('3')
  expect(await upstream.git('symbolic-ref', 'HEAD')).toBe('refs/heads/main')
})

it('has exec bits, symlinks, an empty and a large file, long, unicode and non-UTF-8 names', async () => {
  const upstream = await makeUpstream({ root: temporary() })
  const listing = (await gitBytes(upstream.directory, ['ls-tree', '-rlz', 'main'])).toString('latin1')
  const entries = listing.split('\0')
  const named = (name: string) => entries.find((entry) => entry.endsWith(`\t${name}`))
  expect(named('bin/run')).toMatch(/^100755/)
  expect(named('link')).toMatch(/^120000/)
  expect(named('src/empty.ts')).toMatch(/ 0\t/)
  expect(named('data/large.bin')).toMatch(/ 1500000\t/)
  expect(named('src/old.ts')).toBeUndefined()
  expect(entries.some((entry) => entry.length > 300)).toBe(true)
  if (process.platform === 'linux') expect(named('data/latin-\xe9.txt')).toBeDefined()
})

it('is the same repository, commit for commit, every time', async () => {
  const first = await makeUpstream({ root: temporary() })
  const second = await makeUpstream({ root: temporary() })
  expect(await first.git('rev-parse', 'main')).toBe(await second.git('rev-parse', 'main'))
})

it('takes commits on top, on main and on other branches', async () => {
  const upstream = await makeUpstream({ root: temporary() })
  const before = await upstream.git('rev-parse', 'main')
  const commit = await upstream.commit([{ path: 'more', content: 'more' }])
  const other = await upstream.commit([{ path: 'x', content: 'y' }], {
    branch: 'other',
    message: 'Start over',
  })
  expect(await upstream.git('rev-parse', 'main^')).toBe(before)
  expect(await upstream.git('rev-parse', 'main')).toBe(commit)
  expect(await upstream.git('log', '-1', '--format=%s %P', other)).toBe('Start over ')
})

it('makes the merge commit of a pull request as the git host does', async () => {
  const upstream = await makeUpstream({ root: temporary() })
  const { head, merge } = await upstream.pullRequest(7, [{ path: 'feature', content: 'on' }])
  const base = await upstream.git('rev-parse', 'main')
  expect(await upstream.git('log', '-1', '--format=%P', 'refs/pull/7/merge')).toBe(`${base} ${head}`)
  expect(await upstream.git('show', `${merge}:feature`)).toBe('on')
})

it('clones an existing repository as another upstream', async () => {
  const root = temporary()
  const source = await makeUpstream({ root })
  const copy = await cloneUpstream({ root, host: 'ghe.example:8443', repository: 'a/b' }, source.directory)
  expect(copy.directory).toBe(join(root, 'ghe.example:8443', 'a', 'b.git'))
  expect(await git(copy.directory, 'rev-parse', 'HEAD')).toBe(await source.git('rev-parse', 'HEAD'))
})
