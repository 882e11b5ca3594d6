import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { errorsOf } from './support/action-run.ts'
import { freePort } from './support/child-server.ts'
import type { FaultScript } from './support/scripted-server.ts'
import {
  type Job,
  makePlace,
  portraitAt,
  runJob,
  runReference,
  type Site,
  startSite,
} from './support/site.ts'

const change = (path: string) => [{ path, content: `${path}\n` }]
const isSnapshot = (path: string) => path.endsWith('/snapshot.tar.zst')

/** Short patience, so that a test need not have much. */
const impatient = { retries: '0', 'stall-timeout': '1' }

/** Runs a job, and expects it to end well and to leave no file of its own; tells what both left. */
async function expectSameCommit(site: Site, job: Job) {
  const [reference, place] = [await makePlace(), await makePlace()]
  await runReference(site, job, reference)
  await writeFile(join(place.workspace, 'left.txt'), 'from another job')
  const result = await runJob(site, { ...job, inputs: { ...impatient, ...job.inputs } }, place)
  expect({ exitCode: result.exitCode, stderr: result.stderr }).toEqual({ exitCode: 0, stderr: '' })
  const [theirs, ours] = [await portraitAt(reference, job), await portraitAt(place, job)]
  await result.runPost()
  expect(await readdir(place.temp)).toEqual([])
  const warnings = result.annotations.filter(({ level }) => level === 'warning').map(({ message }) => message)
  expect(errorsOf(result)).toEqual([])
  return { result, warnings, theirs, ours }
}

type Miss = { readonly name: string; readonly fault: (site: Site) => Promise<FaultScript> | FaultScript }

const misses: Miss[] = [
  { name: 'has no snapshot', fault: () => () => ({ status: 404, body: 'Snapshot not found\n' }) },
  { name: 'has errors all the time', fault: () => () => ({ status: 500, body: 'oh\n' }) },
  { name: 'is not ready', fault: () => () => ({ status: 503 }) },
  { name: 'lets nobody in', fault: () => () => ({ status: 401 }) },
  { name: 'sends nothing after its headers', fault: () => () => ({ stallAfter: 0 }) },
  { name: 'stops in the middle', fault: () => () => ({ stallAfter: 100_000 }) },
  { name: 'breaks off', fault: () => () => ({ resetAfter: 100_000 }) },
  { name: 'sends a page', fault: () => () => ({ body: '<html>Please sign in</html>' }) },
  { name: 'sends damaged bytes', fault: () => () => ({ flipAt: 200_000 }) },
  {
    name: 'sends another repository’s archive under this one’s name',
    fault: async ({ forge }) => {
      const other = await forge.makeRepository('octo/other', { history: [change('foreign.txt')] })
      const { file } = await forge.snapshot(other)
      const object = await readFile(file)
      return ({ path }) => (isSnapshot(path) ? { object } : undefined)
    },
  },
]

describe('the job gets its commit by a plain fetch, with one warning, where the snapshot server', () => {
  it.each(misses)('$name', async ({ fault }) => {
    const site = await startSite()
    site.forge.faults.snapshots = await fault(site)
    const sha = await site.upstream.commit(change('newer.txt'))
    const { result, warnings, theirs, ours } = await expectSameCommit(site, { github: { sha } })
    expect(result.outputs).toMatchObject({ outcome: 'fetched', 'snapshot-hit': 'false', commit: sha })
    expect(warnings).toHaveLength(1)
    expect(ours).toEqual(theirs)
  })

  it('is not there', async () => {
    const site = await startSite()
    const inputs = { server: `http://127.0.0.1:${await freePort()}` }
    const { result, warnings, theirs, ours } = await expectSameCommit(site, {
      github: { sha: site.tip },
      inputs,
    })
    expect(result.outputs).toMatchObject({ outcome: 'fetched', 'snapshot-hit': 'false', commit: site.tip })
    expect(warnings).toEqual([expect.stringContaining('ECONNREFUSED')])
    expect(ours).toEqual(theirs)
  })
})

it('gets its commit where the server takes another repository for this one', async () => {
  const site = await startSite()
  const other = await site.forge.makeRepository('octo/other', { history: [change('foreign.txt')] })
  await site.forge.snapshot(other)
  const path = site.forge.snapshots.snapshotPath('octo/other', site.forge.github.host)
  const job = { github: { sha: site.tip }, inputs: { server: '', url: `${site.forge.snapshots.url}${path}` } }
  const { result, theirs, ours } = await expectSameCommit(site, job)
  expect(result.outputs.commit).toBe(site.tip)
  expect({ ...ours, shallow: [] }).toEqual({ ...theirs, shallow: [] })
})

describe('the shortcuts of the snapshot server may fail without a word: the commit comes another way', () => {
  const shortcuts = ['/snapshot.bundle', '/ensure-refs']
  const isShortcut = (path: string) => shortcuts.some((end) => path.endsWith(end))
  const isGit = (path: string) => /\/(info\/refs|git-upload-pack)$/.test(path)

  it.each([
    ['a bundle that is not there', { status: 404 }],
    ['a bundle that breaks off', { resetAfter: 20 }],
    ['a bundle that is damaged', { flipAt: 200 }],
    ['a bundle that never comes', { stallAfter: 0 }],
    ['a bundle that is a page', { body: '<html>Sign in</html>' }],
  ])('%s', async (_, fault) => {
    const site = await startSite()
    const sha = await site.upstream.commit(change('newer.txt'))
    site.forge.faults.snapshots = ({ path }) => (path.endsWith('/snapshot.bundle') ? fault : undefined)
    const { result, warnings, theirs, ours } = await expectSameCommit(site, { github: { sha } })
    expect(result.outputs).toMatchObject({ outcome: 'restored', 'freshened-by': 'server', commit: sha })
    expect(warnings).toEqual([])
    expect({ ...ours, shallow: [] }).toEqual({ ...theirs, shallow: [] })
  })

  it('all of them', async () => {
    const site = await startSite()
    const sha = await site.upstream.commit(change('newer.txt'))
    site.forge.faults.snapshots = ({ path }) =>
      isShortcut(path) || isGit(path) ? { status: 500 } : undefined
    const { result, warnings, theirs, ours } = await expectSameCommit(site, { github: { sha } })
    expect(result.outputs).toMatchObject({ outcome: 'restored', 'freshened-by': 'origin', commit: sha })
    expect(warnings).toEqual([])
    expect({ ...ours, shallow: [] }).toEqual({ ...theirs, shallow: [] })
  })
})

describe('on-miss', () => {
  it('fail leaves the workspace as it was and says why', async () => {
    const site = await startSite()
    const place = await makePlace()
    await writeFile(join(place.workspace, 'mine.txt'), 'mine')
    site.forge.faults.snapshots = () => ({ status: 404 })
    const job = { github: { sha: site.tip }, inputs: { ...impatient, 'on-miss': 'fail' } }
    const result = await runJob(site, job, place)
    expect(result.exitCode).toBe(1)
    expect(errorsOf(result)).toEqual([expect.stringContaining('404')])
    await result.runPost()
    expect(await readdir(place.workspace)).toEqual(['mine.txt'])
    expect(await readdir(place.temp)).toEqual([])
  })

  it('skip leaves the workspace as it was and ends well', async () => {
    const site = await startSite()
    const place = await makePlace()
    await writeFile(join(place.workspace, 'mine.txt'), 'mine')
    site.forge.faults.snapshots = () => ({ status: 404 })
    const job = { github: { sha: site.tip }, inputs: { ...impatient, 'on-miss': 'skip' } }
    const result = await runJob(site, job, place)
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'skipped', 'snapshot-hit': 'false' } })
    await result.runPost()
    expect(await readdir(place.workspace)).toEqual(['mine.txt'])
    expect(await readdir(place.temp)).toEqual([])
  })
})

it('goes to the origin at once, without a warning, where snapshots are switched off', async () => {
  const site = await startSite()
  const job = { github: { sha: site.tip }, env: { GIT_SNAPSHOT_DISABLE: '1' } }
  const { result, warnings, theirs, ours } = await expectSameCommit(site, job)
  expect(result.outputs).toMatchObject({ outcome: 'fetched', 'snapshot-hit': 'false', source: 'none' })
  expect(warnings).toEqual([])
  expect(ours).toEqual(theirs)
  expect(site.forge.snapshots.log).toEqual([])
})
