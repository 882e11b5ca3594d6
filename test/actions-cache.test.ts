import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { outputsOf } from '../src/report/report.ts'
import type { CachedSnapshot } from '../src/snapshot/cache-key.ts'
import { useCachedProject } from './support/cached-project.ts'
import { type CachedJob, CachedRun } from './support/cached-run.ts'
import { git } from './support/git-repo.ts'
import type { LoggedRequest } from './support/scripted-server.ts'

const project = useCachedProject()
const ALL = { 'fetch-depth': '0' }
const PULL = { ref: 'refs/pull/7/merge', payload: { pull_request: { base: { ref: 'release' } } } }
const OTHER_COMMIT = '1'.repeat(40)

function sentBy(log: readonly LoggedRequest[]): number {
  return log.reduce((sum, { bytesSent }) => sum + bytesSent, 0)
}

describe('a snapshot in the Actions cache', () => {
  it.each(['0', '1'])('is restored exactly, for a fetch-depth of %s', async (depth) => {
    const kind = depth === '0' ? 'full' : 'shallow'
    await project.save({ kind })
    const run = new CachedRun(project)
    const report = await run.restore({ inputs: { 'fetch-depth': depth } })
    const { snapshot: commit } = project.commits
    await run.expectExact()
    expect(outputsOf(report)).toMatchObject({
      outcome: 'restored',
      source: 'actions-cache',
      commit,
      'snapshot-hit': 'true',
      'snapshot-commit': commit,
      'freshened-by': 'none',
      retries: '0',
    })
    expect(report.snapshot?.etag).toMatch(/^"/)
    expect(existsSync(join(run.workspace, '.git/shallow'))).toBe(kind === 'shallow')
    expect(run.warnings).toEqual([])
  })

  it('comes in parallel ranges, all pinned to one revision, and every byte of it once', async () => {
    await project.save()
    const run = new CachedRun(project)
    const report = await run.restore({ inputs: ALL })
    const { store, service, archives } = project
    const [first, ...others] = store.log
    expect(first).toMatchObject({ range: 'bytes=0-131071', ifMatch: undefined, status: 206 })
    expect(others.length).toBeGreaterThan(8)
    expect(new Set(others.map(({ ifMatch, status }) => `${status} ${ifMatch}`))).toEqual(
      new Set([`206 ${report.snapshot?.etag}`]),
    )
    expect(Math.max(...others.map(({ activeAtStart }) => activeAtStart))).toBeGreaterThan(1)
    expect(sentBy(store.log)).toBe(archives.full.length)
    expect(report.bytes).toBe(archives.full.length + sentBy(service.log))
    expect(report.requests).toBe(store.log.length + service.log.length)
    expect(service.log).toHaveLength(1)
  })

  it('comes as one body where there is to be one connection', async () => {
    await project.save()
    const run = new CachedRun(project)
    await run.restore({ inputs: { ...ALL, concurrency: '1' } })
    expect(project.store.log).toMatchObject([{ range: undefined, status: 200 }])
    await run.expectExact()
  })
})

describe('of several entries', () => {
  type Change = Partial<CachedSnapshot>
  const older: Change = { commit: OTHER_COMMIT }
  const shallow: Change = { kind: 'shallow' }

  /** The entries in the order in which they were saved, the one that is restored, and what the job is about. */
  it.each<[string, Change[], Change, CachedJob]>([
    ['the one of the commit, though it is not the newest', [{}, older], {}, { inputs: ALL }],
    ['the newest where none is of the commit', [older, {}], {}, { inputs: ALL, commit: 'newest' }],
    [
      'the one of the branch',
      [{ branch: 'topic' }, older],
      { branch: 'topic' },
      { inputs: ALL, ref: 'refs/heads/topic' },
    ],
    [
      'the one of the default branch where the branch has none',
      [{}, { branch: 'topic/2', ...older }],
      {},
      { inputs: ALL, ref: 'refs/heads/topic' },
    ],
    [
      "the one of a pull request's base",
      [{ branch: 'release' }, older],
      { branch: 'release' },
      { inputs: ALL, ...PULL },
    ],
    [
      'the one of the default branch where the base has none',
      [{}, { branch: 'release-2', ...older }],
      {},
      { inputs: ALL, ...PULL },
    ],
    ['a shallow one for one commit', [shallow, {}], shallow, { inputs: { 'fetch-depth': '1' } }],
    ['a full one for one commit where no other is there', [{}], {}, { inputs: { 'fetch-depth': '1' } }],
    ['a full one for all history, though a shallow one is newer', [{}, shallow], {}, { inputs: ALL }],
  ])('it is %s', async (_, saved, wanted, job) => {
    const blobs = new Map<string, string>()
    for (const change of saved) blobs.set(project.key(change), await project.save(change))
    const run = new CachedRun(project)
    expect(await run.restore(job)).toMatchObject({ outcome: 'restored' })
    const taken = new Set(project.store.log.map(({ path }) => path.split('/').at(-1)))
    expect(taken).toEqual(new Set([blobs.get(project.key(wanted))]))
    await run.expectExact(job.commit)
  })

  it('none is taken where all history is wanted and all are shallow', async () => {
    await project.save(shallow)
    const run = new CachedRun(project)
    expect(await run.failing({ inputs: ALL })).toMatchObject({ code: 'NOT_FOUND' })
    expect(project.store.log).toEqual([])
  })
})

describe('a snapshot that is older than the commit', () => {
  it('is freshened with the whole history where that is wanted', async () => {
    await project.save()
    const run = new CachedRun(project)
    expect(await run.restore({ inputs: ALL, commit: 'newest' })).toMatchObject({ freshenedBy: 'origin' })
    await run.expectExact('newest')
    const count = await project.upstream.git('rev-list', '--count', 'main')
    expect(await git(run.workspace, 'rev-list', '--count', 'HEAD')).toBe(count)
  })

  it('is freshened by one small fetch, and stays shallow, where one commit is wanted', async () => {
    await project.save({ kind: 'shallow' })
    const run = new CachedRun(project)
    expect(await run.restore({ commit: 'newest' })).toMatchObject({
      outcome: 'restored',
      freshenedBy: 'origin',
    })
    await run.expectExact('newest')
    expect(readFileSync(join(run.workspace, '.git/shallow'), 'utf8')).toContain(project.commits.newest)
    expect(await git(run.workspace, 'rev-list', '--count', 'HEAD')).toBe('1')
    const { log } = project.forge.github
    const discoveries = log.filter(({ path, status }) => path.endsWith('/info/refs') && status === 200)
    expect(discoveries).toHaveLength(1)
    expect(sentBy(log)).toBeLessThan(10_000)
  })
})
