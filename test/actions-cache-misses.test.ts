import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CACHED_FILE } from '../src/snapshot/actions-cache.ts'
import { startCacheService } from './support/cache-service.ts'
import { useCachedProject } from './support/cached-project.ts'
import { type CachedJob, CachedRun } from './support/cached-run.ts'
import { never } from './support/deferred.ts'
import type { Fault } from './support/fault.ts'
import { temporary } from './support/temporary.ts'
import { toolkitIn } from './support/toolkit-cache.ts'

const project = useCachedProject()
const FETCH = { 'on-miss': 'fetch' }
/** What the runner gives to no step of `run:`. */
const NO_SERVICE = {
  ACTIONS_CACHE_SERVICE_V2: undefined,
  ACTIONS_RESULTS_URL: undefined,
  ACTIONS_RUNTIME_TOKEN: undefined,
}

/** Expects the commit to come from the origin, with these words of warning and no others. */
async function expectFetched(words: RegExp, job: CachedJob = {}): Promise<CachedRun> {
  const run = new CachedRun(project)
  const report = await run.restore({ ...job, inputs: { ...FETCH, ...job.inputs } })
  expect(report).toMatchObject({ outcome: 'fetched', snapshot: undefined })
  expect(run.warnings).toEqual([expect.stringMatching(words)])
  expect(run.warnings[0]).toContain('. It is fetched from')
  await run.expectExact()
  return run
}

describe('a cache service that gives no answer costs one warning and the snapshot', () => {
  it.each<[string, Fault, RegExp, number]>([
    ['knows no such token', { status: 401 }, /answered 401: this job's token does not let it read/, 1],
    ['refuses', { status: 403 }, /answered 403: this job's token does not let it read/, 1],
    ['is none', { status: 404 }, /it is no Actions cache/, 1],
    ['has too many requests', { status: 429 }, /answered 429/, 2],
    ['asks to wait a minute', { status: 429, headers: { 'retry-after': '60' } }, /answered 429/, 1],
    ['fails', { status: 500 }, /answered 500/, 2],
    ['ends the connection', { drop: 'reset' }, /GetCacheEntryDownloadURL failed/, 2],
    ['is slow', { hold: never }, /did not answer within 2 s/, 1],
    ['is slow in the middle of its answer', { stallAfter: 5 }, /did not answer within 2 s/, 1],
    ['answers with a page', { body: '<html>' }, /did not answer as the Actions cache does/, 1],
  ])('where it %s', async (_, fault, words, requests) => {
    await project.save({ kind: 'shallow' })
    project.faults.service = () => fault
    await expectFetched(words)
    expect(project.service.log).toHaveLength(requests)
    expect(project.store.log).toEqual([])
  })

  it('where it is down', async () => {
    await project.service.close()
    await expectFetched(/GetCacheEntryDownloadURL failed/)
  })

  it('where the job may not read it', async () => {
    await project.save({ kind: 'shallow' })
    project.service.grants = 'nothing'
    await expectFetched(/does not let it read/)
  })
})

describe('a job that has no cache service is told why, once, and asks nobody', () => {
  it.each<[string, CachedJob, RegExp]>([
    [
      'where the runner offers none',
      { env: NO_SERVICE },
      /none of server, CACHEW_URL and url is set, and this job has no Actions cache/,
    ],
    [
      'where it is asked for, too',
      { env: NO_SERVICE, inputs: { source: 'actions-cache' } },
      /source is actions-cache, and this job has no Actions cache .*ACTIONS_RESULTS_URL/,
    ],
    [
      'on GitHub Enterprise Server',
      { env: { GITHUB_SERVER_URL: 'https://ghe.example.com' } },
      /Enterprise Server/,
    ],
    [
      'where it may only write',
      { env: { ACTIONS_CACHE_MODE: 'write-only' } },
      /ACTIONS_CACHE_MODE is write-only/,
    ],
    ['where it may do nothing', { env: { ACTIONS_CACHE_MODE: 'none' } }, /ACTIONS_CACHE_MODE is none/],
  ])('%s', async (_, job, words) => {
    await project.save({ kind: 'shallow' })
    await expectFetched(words, job)
    expect([...project.service.log, ...project.store.log]).toEqual([])
  })

  it('and fails where nothing else is to be done', async () => {
    const job = { env: NO_SERVICE, inputs: { 'on-miss': 'fail' } }
    expect(await new CachedRun(project).failing(job)).toMatchObject({ code: 'NO_SOURCE' })
  })

  it('reads where it may only read', async () => {
    await project.save({ kind: 'shallow' })
    const run = new CachedRun(project)
    const report = await run.restore({ env: { ACTIONS_CACHE_MODE: 'read' } })
    expect(report.outcome).toBe('restored')
  })
})

describe('nobody is asked, and nobody is warned', () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    ['where the input source is none', { source: 'none' }],
    ['where it is none, and nothing but a snapshot would do', { source: 'none', 'on-miss': 'fail' }],
  ])('%s', async (_, inputs) => {
    await project.save({ kind: 'shallow' })
    const run = new CachedRun(project)
    expect(await run.restore({ inputs })).toMatchObject({ outcome: 'fetched', requests: 0, bytes: 0 })
    expect([...project.service.log, ...project.store.log, ...run.warnings]).toEqual([])
    await run.expectExact()
  })

  it('where snapshots are switched off for the runner', async () => {
    await project.save({ kind: 'shallow' })
    const run = new CachedRun(project)
    const report = await run.restore({ env: { GIT_SNAPSHOT_DISABLE: '1' } })
    expect(report).toMatchObject({ outcome: 'fetched', requests: 0 })
    expect([...project.service.log, ...project.store.log, ...run.warnings]).toEqual([])
  })
})

describe('a cache without a snapshot', () => {
  it('costs one warning, which says how one is made', async () => {
    await expectFetched(
      /has no snapshot of octo\/project for topic or main: .*\(uses: git-snapshot\/git-snapshot\/save@v1\)/,
      {
        ref: 'refs/heads/topic',
      },
    )
  })

  it('fails the step, which changes nothing, where on-miss is fail', async () => {
    const run = new CachedRun(project)
    await writeFile(join(run.workspace, 'mine.txt'), 'mine')
    expect(await run.failing({ inputs: { 'on-miss': 'fail' } })).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('leaves the workspace as it is where on-miss is skip', async () => {
    const run = new CachedRun(project)
    const report = await run.restore({ inputs: { 'on-miss': 'skip' } })
    expect(report).toMatchObject({ outcome: 'skipped', commit: '' })
    expect(run.warnings).toEqual([expect.stringContaining('. The workspace stays as it is')])
  })

  it.each<[string, string, (key: string) => string]>([
    ['under another path, whatever its key', 'node_modules', (key) => key],
    ['under a key of its own, whatever its path', CACHED_FILE, () => 'npm-Linux'],
    ['under a key that begins as ours', CACHED_FILE, (key) => key.replace(/[0-9a-f]{40}$/, 'Linux')],
  ])('is what actions/cache has saved %s', async (_, path, keyFrom) => {
    const place = temporary()
    await writeFile(join(place, path), 'theirs')
    const key = keyFrom(project.key({ kind: 'shallow' }))
    const service = await startCacheService({ store: project.azurite })
    onTestFinished(() => service.close())
    expect(await toolkitIn(place, service).save(path, key)).toBe(1)
    project.service.entries.push(...service.entries)
    await expectFetched(/has no snapshot|which was not asked for/)
    expect(project.store.log).toEqual([])
  })
})
