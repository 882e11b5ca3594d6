import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { errorsOf } from './support/action-run.ts'
import { freePort } from './support/child-server.ts'
import type { Fault } from './support/fault.ts'
import { makePlace, remainsIn } from './support/place.ts'
import type { RunResult } from './support/runner.ts'
import { change, type Job, portraitAt, runJob, runReference, useSite } from './support/site.ts'
import type { Snapshot } from './support/snapshot-repository.ts'

const site = useSite()

/** Short patience, so that a test need not have much. */
const impatient = { retries: '0', 'stall-timeout': '1' }

/** Runs a job, and expects it to end well and to leave no file of its own; tells what both left. */
async function expectSameCommit(job: Job) {
  const [reference, place] = [makePlace(), makePlace()]
  await runReference(site, job, reference)
  await writeFile(join(place.workspace, 'left.txt'), 'from another job')
  const result = await runJob(site, { ...job, inputs: { ...impatient, ...job.inputs } }, place)
  expect({ exitCode: result.exitCode, stderr: result.stderr }).toEqual({ exitCode: 0, stderr: '' })
  const [theirs, ours] = [await portraitAt(reference, job), await portraitAt(place, job)]
  await result.runPost()
  expect(remainsIn(place.temp)).toEqual([])
  const warnings = result.annotations.filter(({ level }) => level === 'warning').map(({ message }) => message)
  expect(errorsOf(result)).toEqual([])
  return { result, warnings, theirs, ours }
}

/** Makes a snapshot of another repository. */
async function snapshotOfAnother(): Promise<Snapshot> {
  const other = await site.forge.makeRepository('octo/other', { history: [change('foreign.txt')] })
  return site.forge.snapshot(other)
}

describe('the job gets its commit by a plain fetch, with one warning, where the snapshot server', () => {
  async function expectFetched(job: Job): Promise<string> {
    const { result, warnings, theirs, ours } = await expectSameCommit(job)
    const commit = job.github?.sha
    expect(result.outputs).toMatchObject({ outcome: 'fetched', 'snapshot-hit': 'false', commit })
    expect(warnings).toHaveLength(1)
    expect(ours).toEqual(theirs)
    return warnings.join()
  }

  it.each<[string, Fault]>([
    ['has no snapshot', { status: 404, body: 'Snapshot not found\n' }],
    ['has errors all the time', { status: 500, body: 'oh\n' }],
    ['is not ready', { status: 503 }],
    ['lets nobody in', { status: 401 }],
    ['sends nothing after its headers', { stallAfter: 0 }],
    ['stops in the middle', { stallAfter: 100_000 }],
    ['breaks off', { resetAfter: 100_000 }],
    ['sends a page', { body: '<html>Please sign in</html>' }],
    ['sends damaged bytes', { flipAt: 200_000 }],
  ])('%s', async (_, fault) => {
    site.forge.faults.snapshots = () => fault
    await expectFetched({ github: { sha: await site.upstream.commit(change('newer.txt')) } })
  })

  it('sends another repository’s archive under this one’s name', async () => {
    const object = await readFile((await snapshotOfAnother()).file)
    site.forge.faults.snapshots = ({ path }) => (path.endsWith('/snapshot.tar.zst') ? { object } : undefined)
    await expectFetched({ github: { sha: await site.upstream.commit(change('newer.txt')) } })
  })

  it('is not there', async () => {
    const inputs = { server: `http://127.0.0.1:${await freePort()}` }
    expect(await expectFetched({ github: { sha: site.tip }, inputs })).toContain('ECONNREFUSED')
  })
})

it('gets its commit where the server takes another repository for this one', async () => {
  await snapshotOfAnother()
  const { snapshots, github } = site.forge
  const url = `${snapshots.url}${snapshots.snapshotPath('octo/other', github.host)}`
  const job = { github: { sha: site.tip }, inputs: { server: '', url } }
  const { result, theirs, ours } = await expectSameCommit(job)
  expect(result.outputs.commit).toBe(site.tip)
  expect({ ...ours, shallow: [] }).toEqual({ ...theirs, shallow: [] })
})

describe('the shortcuts of the snapshot server may fail without a word: the commit comes another way', () => {
  async function expectRestored(by: string): Promise<void> {
    const sha = await site.upstream.commit(change('newer.txt'))
    const { result, warnings, theirs, ours } = await expectSameCommit({ github: { sha } })
    expect(result.outputs).toMatchObject({ outcome: 'restored', 'freshened-by': by, commit: sha })
    expect(warnings).toEqual([])
    expect({ ...ours, shallow: [] }).toEqual({ ...theirs, shallow: [] })
  }

  it.each([
    ['a bundle that is not there', { status: 404 }],
    ['a bundle that breaks off', { resetAfter: 20 }],
    ['a bundle that is damaged', { flipAt: 200 }],
    ['a bundle that never comes', { stallAfter: 0 }],
    ['a bundle that is a page', { body: '<html>Sign in</html>' }],
  ])('%s', async (_, fault) => {
    site.forge.faults.snapshots = ({ path }) => (path.endsWith('/snapshot.bundle') ? fault : undefined)
    await expectRestored('server')
  })

  it('all of them', async () => {
    const shortcuts = /\/(snapshot\.bundle|ensure-refs|info\/refs|git-upload-pack)$/
    site.forge.faults.snapshots = ({ path }) => (shortcuts.test(path) ? { status: 500 } : undefined)
    await expectRestored('origin')
  })
})

describe('on-miss', () => {
  /** Runs a job that gets no snapshot, and expects the workspace to be as it was. */
  async function runWithout(onMiss: string): Promise<RunResult> {
    const place = makePlace()
    await writeFile(join(place.workspace, 'mine.txt'), 'mine')
    site.forge.faults.snapshots = () => ({ status: 404 })
    const job = { github: { sha: site.tip }, inputs: { ...impatient, 'on-miss': onMiss } }
    const result = await runJob(site, job, place)
    await result.runPost()
    expect(await readdir(place.workspace)).toEqual(['mine.txt'])
    expect(remainsIn(place.temp)).toEqual([])
    return result
  }

  it('fail leaves the workspace as it was and says why', async () => {
    const result = await runWithout('fail')
    expect(result.exitCode).toBe(1)
    expect(errorsOf(result)).toEqual([expect.stringContaining('404')])
  })

  it('skip leaves the workspace as it was and ends well', async () => {
    const result = await runWithout('skip')
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'skipped', 'snapshot-hit': 'false' } })
  })
})

it('goes to the origin at once, without a warning, where snapshots are switched off', async () => {
  const job = { github: { sha: site.tip }, env: { GIT_SNAPSHOT_DISABLE: '1' } }
  const { result, warnings, theirs, ours } = await expectSameCommit(job)
  expect(result.outputs).toMatchObject({ outcome: 'fetched', 'snapshot-hit': 'false', source: 'none' })
  expect(warnings).toEqual([])
  expect(ours).toEqual(theirs)
  expect(site.forge.snapshots.log).toEqual([])
})
