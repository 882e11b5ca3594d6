import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sharesOf } from '../../src/restore/submodule-snapshots.ts'
import { never } from '../support/deferred.ts'
import { failureOf } from '../support/failing-step.ts'
import { git, gitEnvironment, patternBytes, type Upstream } from '../support/git-repo.ts'
import { storeLfs } from '../support/lfs-upstream.ts'
import { skipWithout } from '../support/programs.ts'
import { change } from '../support/site.ts'
import { SubmoduleScene } from '../support/submodule-scene.ts'
import { temporary } from '../support/temporary.ts'

/** To look at the refs, git asks for what the server can, and then for the refs. */
const ONE_LOOK = 2

describe('submodules of a superproject that comes from a Cachew server', () => {
  it('come from their own snapshots, from a snapshot and what is newer, or from the origin', async () => {
    const scene = await SubmoduleScene.create()
    const [exact, behind, gone] = [
      await scene.library('exact'),
      await scene.library('behind'),
      await scene.library('gone'),
    ]
    await behind.commit(change('newer.txt'))
    scene.forge.faults.snapshots = ({ path }) => (path.includes('/octo/gone/') ? { status: 404 } : undefined)
    const commit = await scene.commit({
      'libs/exact': { of: exact, url: '../exact' },
      'libs/behind': { of: behind, url: `git@127.0.0.1:octo/behind.git` },
      gone: { of: gone, url: `${scene.forge.github.url}/octo/gone.git` },
    })
    const report = await scene.restore(commit)
    expect(readFileSync(scene.in('libs/exact/exact.txt'), 'utf8')).toBe('exact.txt\n')
    expect(readFileSync(scene.in('libs/behind/newer.txt'), 'utf8')).toBe('newer.txt\n')
    expect(readFileSync(scene.in('gone/gone.txt'), 'utf8')).toBe('gone.txt\n')
    expect(await git(scene.workspace, 'status', '--porcelain', '--ignored')).toBe('')
    expect(await git(scene.workspace, 'submodule', 'status')).not.toMatch(/^[-+U]/m)
    expect([scene.gitRequestsFor('exact'), scene.gitRequestsFor('behind')]).toEqual([ONE_LOOK, ONE_LOOK])
    expect(scene.gitRequestsFor('gone')).toBeGreaterThan(ONE_LOOK)
    expect(report).toMatchObject({ outcome: 'restored', retries: 0 })
    expect(scene.lines).toEqual([
      expect.stringMatching(/^The submodule gone is fetched: .*\/octo\/gone\/snapshot\.tar\.zst .*404/),
      expect.stringMatching(/^3 submodules: 2 from snapshots \(0\.\d MB\), 1 fetched$/),
    ])
    expect(scene.warnings).toEqual([])
    expect(readdirSync(scene.temp).filter((name) => !name.startsWith('git-credentials-'))).toEqual([])
  })

  it('count in what the report tells of traffic', async () => {
    const scene = await SubmoduleScene.create()
    const commit = await scene.commit({
      one: { of: await scene.library('one'), url: '../one' },
      two: { of: await scene.library('two'), url: '../two' },
    })
    const { bytes, requests } = await scene.restore(commit)
    const { log } = scene.forge.snapshots
    expect(requests).toBe(log.length)
    expect(bytes).toBe(log.reduce((sum, { bytesSent }) => sum + bytesSent, 0))
  })

  it('are on their way at the same time', async () => {
    const scene = await SubmoduleScene.create()
    const names = ['one', 'two', 'three']
    const named = await Promise.all(
      names.map(async (name) => [name, { of: await scene.library(name), url: `../${name}` }] as const),
    )
    const commit = await scene.commit(Object.fromEntries(named))
    const areAllAnswered = () =>
      names.every((name) => scene.requestsFor(name).some(({ bytesSent }) => bytesSent >= 100))
    const answered = scene.forge.snapshots.until(areAllAnswered)
    scene.forge.faults.snapshots = ({ path }) =>
      path.includes('/octo/project/') ? undefined : { pause: { after: 100, until: answered } }
    await scene.restore(commit)
    expect(scene.lines.at(-1)).toMatch(/^3 submodules: 3 from snapshots/)
  })

  it.each([2, 5, 8])('share %i requests among them', async (concurrency) => {
    const scene = await SubmoduleScene.create()
    const names = ['one', 'two', 'three', 'four', 'five']
    const named = await Promise.all(
      names.map(async (name) => {
        const of = await scene.library(name, [{ path: 'data', content: patternBytes(800_000) }])
        return [name, { of, url: `../${name}` }] as const
      }),
    )
    const commit = await scene.commit(Object.fromEntries(named))
    await scene.restore(commit, { concurrency: String(concurrency) })
    expect(scene.lines.at(-1)).toMatch(/^5 submodules: 5 from snapshots/)
    expect(scene.forge.snapshots.log.length).toBeGreaterThan(30)
    expect(scene.forge.snapshots.maxActive()).toBeLessThanOrEqual(concurrency)
  })

  it('bring theirs, where those are wanted', async () => {
    const scene = await SubmoduleScene.create()
    const [deep, inner, outer] = [
      await scene.library('deep'),
      await scene.library('inner'),
      await scene.library('outer'),
    ]
    await scene.commit({ 'so/deep': { of: deep, url: '../deep' } }, inner)
    await scene.commit({ inner: { of: inner, url: `git@127.0.0.1:octo/inner.git` } }, outer)
    const commit = await scene.commit({ 'libs/outer': { of: outer, url: '../outer.git' } })
    await scene.restore(commit, { submodules: 'recursive' })
    expect(readFileSync(scene.in('libs/outer/inner/so/deep/deep.txt'), 'utf8')).toBe('deep.txt\n')
    expect(existsSync(scene.in('.git/modules/libs/outer/modules/inner/modules/so/deep/HEAD'))).toBe(true)
    expect(await git(scene.workspace, 'submodule', 'status', '--recursive')).not.toMatch(/^[-+U]/m)
    expect(scene.lines).toEqual([expect.stringMatching(/^3 submodules: 3 from snapshots/)])
  })

  it('are not for a job that the origin does not let in', async () => {
    const scene = await SubmoduleScene.create()
    const commit = await scene.commit({ closed: { of: await scene.library('closed'), url: '../closed' } })
    scene.forge.faults.github = ({ path, index }) =>
      path.includes('/octo/closed') && index === 0 ? { status: 403 } : undefined
    await scene.restore(commit)
    expect(scene.requestsFor('closed')).toEqual([])
    expect(scene.lines).toEqual([
      expect.stringMatching(/^The submodule closed is fetched: git ls-remote failed .*403/),
      expect.stringMatching(/^1 submodule: 0 from snapshots \(.* MB\), 1 fetched$/),
    ])
    expect(readFileSync(scene.in('closed/closed.txt'), 'utf8')).toBe('closed.txt\n')
  })

  it('are not asked for where a sparse checkout leaves them out', async () => {
    const scene = await SubmoduleScene.create()
    const commit = await scene.commit({ 'libs/one': { of: await scene.library('one'), url: '../one' } })
    await scene.restore(commit, { 'sparse-checkout': 'other' })
    expect(scene.requestsFor('one')).toEqual([])
    expect(scene.lines).toEqual([expect.stringMatching(/^1 submodule: 0 from snapshots/)])
  })

  it('wait once for a server that is gone, and what has begun to come still comes', async () => {
    const scene = await SubmoduleScene.create()
    const { forge } = scene
    const data = [{ path: 'data', content: patternBytes(800_000) }]
    const names = ['coming', 'gone', 'held', 'left', 'over']
    const named: [string, { of: Upstream; url: string }][] = []
    for (const name of names) named.push([name, { of: await scene.library(name, data), url: `../${name}` }])
    const commit = await scene.commit(Object.fromEntries(named))
    const asked = () => names.filter((name) => scene.requestsFor(name).length > 0)
    const isOpen = () => scene.requestsFor('coming').length > 1
    const underWay = forge.snapshots.until(() => isOpen() && asked().length === 3)
    const dropped = forge.snapshots.until(() => scene.requestsFor('gone')[0]?.state === 'aborted')
    forge.faults.snapshots = ({ path, start }) => {
      if (path.includes('/octo/gone/')) return { hold: underWay, drop: 'reset' }
      if (path.includes('/octo/coming/')) return start > 0 ? { hold: dropped } : undefined
      return path.includes('/octo/project/') ? undefined : { hold: never }
    }
    await scene.restore(commit, { 'on-miss': 'fetch', retries: '0' })
    expect(asked()).toEqual(['coming', 'gone', 'held'])
    expect(scene.lines).toEqual([
      expect.stringMatching(
        /^The submodule gone is fetched: .*; so are those that are not on their way yet$/,
      ),
      expect.stringMatching(/^5 submodules: 1 from snapshots .*, 4 fetched$/),
    ])
  })

  it('are a hundred at most, however many a commit names', async () => {
    const scene = await SubmoduleScene.create()
    const one = { of: await scene.library('one'), url: '../one' }
    const named = Array.from({ length: 101 }, (_, at) => [`lib${at}`, one] as const)
    const commit = await scene.commit(Object.fromEntries(named))
    const enough = new AbortController()
    const log = (line: string) => enough.abort(new Error(line))
    await expect(scene.restore(commit, {}, { signal: enough.signal, log })).rejects.toThrow(
      'Only 100 submodules come from snapshots; the others are fetched',
    )
  })

  it('are fetched where a snapshot is damaged, and nothing of that stays', async () => {
    const scene = await SubmoduleScene.create()
    const commit = await scene.commit({ one: { of: await scene.library('one'), url: '../one' } })
    scene.forge.faults.snapshots = ({ path }) => (path.includes('/octo/one/') ? { flipAt: 3000 } : undefined)
    await scene.restore(commit, { 'fetch-depth': '1' })
    expect(scene.lines.at(-1)).toMatch(/^1 submodule: 0 from snapshots/)
    expect(await git(scene.in('one'), 'rev-parse', '--is-shallow-repository')).toBe('true')
    expect(await git(scene.workspace, 'status', '--porcelain', '--ignored')).toBe('')
  })

  it('end with the step, and nothing of them stays', async () => {
    const scene = await SubmoduleScene.create()
    const commit = await scene.commit({ one: { of: await scene.library('one'), url: '../one' } })
    scene.forge.faults.snapshots = ({ path }) =>
      path.includes('/octo/one/') ? { stallAfter: 100 } : undefined
    const cancelled = new AbortController()
    scene.forge.snapshots
      .until(() => scene.requestsFor('one').some(({ bytesSent }) => bytesSent >= 100))
      .then(() => cancelled.abort(new Error('cancelled')))
    const error = await failureOf(scene, () => scene.restore(commit, {}, { signal: cancelled.signal }))
    expect(error).toMatchObject({ message: 'cancelled' })
    await scene.forge.snapshots.until(() => scene.forge.snapshots.active() === 0)
  })

  it('have the content that LFS has for them', async (context) => {
    skipWithout(context, 'git-lfs')
    const scene = await SubmoduleScene.create()
    const config = join(temporary(), 'config')
    const { forge } = scene
    await git(scene.temp, 'config', '--file', config, 'filter.lfs.smudge', 'git-lfs smudge -- %f')
    await git(scene.temp, 'config', '--file', config, 'filter.lfs.process', 'git-lfs filter-process')
    const media = await forge.makeRepository('octo/media', { history: [] })
    const { pointer } = await storeLfs(media, 'the content')
    await media.commit([
      { path: '.gitattributes', content: '*.dat filter=lfs\n' },
      { path: 'large.dat', content: pointer },
    ])
    await forge.snapshot(media)
    const commit = await scene.commit({ media: { of: media, url: '../media' } })
    const env = { ...gitEnvironment, GIT_CONFIG_GLOBAL: config }
    await scene.restore(commit, { lfs: 'true' }, { env })
    expect(scene.lines.at(-1)).toMatch(/^1 submodule: 1 from snapshots/)
    expect(readFileSync(scene.in('media/large.dat'), 'utf8')).toBe('the content')
  })
})

describe('the budget of submodules in flight', () => {
  const threads = { writers: 2, decoders: 2 }
  const alone = { writers: 1, decoders: 1 }

  it.each([1, 2, 3, 5, 8, 64])('is all of %i requests', (concurrency) => {
    for (const submodules of [1, 2, 3, 100]) {
      const shares = sharesOf(concurrency, threads, submodules)
      expect(shares.length).toBeLessThanOrEqual(submodules)
      expect(shares.reduce((sum, { requests }) => sum + requests, 0)).toBe(concurrency)
    }
  })

  it('is for one where there is only one, or not enough for two', () => {
    expect(sharesOf(8, threads, 1)).toEqual([{ requests: 8, threads }])
    expect(sharesOf(3, threads, 9)).toEqual([{ requests: 3, threads }])
  })

  it('is for three at most, each with a thread', () => {
    expect(sharesOf(8, threads, 9)).toEqual([2, 3, 3].map((requests) => ({ requests, threads: alone })))
    expect(sharesOf(8, threads, 0)).toEqual([])
  })
})
