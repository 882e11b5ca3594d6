import { describe, expect, it } from 'vitest'
import { entryVersion } from '../src/snapshot/actions-cache.ts'
import { type CachedProject, useCachedProject } from './support/cached-project.ts'
import { CachedRun } from './support/cached-run.ts'
import type { FaultScript, LoggedRequest } from './support/scripted-server.ts'

const project = useCachedProject()
const ALL = { 'fetch-depth': '0' }

/** Every request but the first for a snapshot waits until this has been done, once. */
function inTheMiddle(act: () => Promise<unknown>): FaultScript {
  let acting: Promise<unknown> | undefined
  return ({ start }) => {
    if (start === 0) return undefined
    acting ??= act()
    return { hold: acting }
  }
}

function pinsOf({ store }: CachedProject): Set<string | undefined> {
  return new Set(store.log.slice(1).map(({ ifMatch }) => ifMatch))
}

function valuesOf(log: readonly LoggedRequest[]): string {
  return JSON.stringify(log.map(({ path, query, headers }) => [path, query, headers]))
}

describe('a signature that expires in the middle of the download', () => {
  it('is asked for again, once, and the download goes on with the same revision', async () => {
    await project.save()
    project.faults.store = inTheMiddle(() => project.azurite.advance(700_000))
    const run = new CachedRun(project)
    const report = await run.restore({ inputs: ALL })
    expect(project.store.log.map(({ status }) => status)).toContain(403)
    expect(project.service.asked).toHaveLength(2)
    expect(project.service.asked[1]).toMatchObject({ key: project.key(), restore_keys: [] })
    expect(pinsOf(project)).toEqual(new Set([report.snapshot?.etag]))
    expect(report).toMatchObject({ outcome: 'restored', retries: 0 })
    expect(run.warnings).toEqual([])
    await run.expectExact()
  })

  it('is of no use where the entry is gone: the origin has the commit', async () => {
    await project.save()
    project.faults.store = inTheMiddle(async () => {
      project.service.entries.length = 0
      await project.azurite.advance(700_000)
    })
    const run = new CachedRun(project)
    const report = await run.restore({ inputs: { ...ALL, 'on-miss': 'fetch' } })
    expect(report).toMatchObject({ outcome: 'fetched', snapshot: undefined })
    expect(run.lines).toContainEqual(expect.stringContaining('no longer has the entry'))
    expect(run.warnings).toEqual([
      expect.stringContaining('the Actions cache has no snapshot of octo/project'),
    ])
    await run.expectExact()
  })
})

describe('an entry that is replaced in the middle of the download', () => {
  it('is begun anew, and nothing of the first revision stays', async () => {
    const blob = await project.save()
    project.faults.store = inTheMiddle(() => project.azurite.put(blob, project.archives.full))
    const run = new CachedRun(project)
    const report = await run.restore({ inputs: ALL })
    expect(project.store.log.map(({ status }) => status)).toContain(412)
    expect(run.lines).toContainEqual(expect.stringContaining('starting again with the new one'))
    expect(pinsOf(project)).toContain(report.snapshot?.etag)
    expect(pinsOf(project).size).toBeGreaterThan(1)
    expect(report.outcome).toBe('restored')
    expect(run.warnings).toEqual([])
    await run.expectExact()
  })
})

it('a signature that somebody has tampered with lets nobody in, and the origin has the commit', async () => {
  const blob = project.service.save({ key: project.key(), version: entryVersion() })
  const signed = project.azurite.sign(blob, 'r', 600_000)
  const address = signed.replace(/(?<=sig=.{8})./, (letter) => (letter === 'A' ? 'B' : 'A'))
  const answer = { ok: true, signed_download_url: address, matched_key: project.key() }
  project.faults.service = () => ({ body: JSON.stringify(answer) })
  const run = new CachedRun(project)
  const report = await run.restore({ inputs: { ...ALL, 'on-miss': 'fetch' } })
  expect(report.outcome).toBe('fetched')
  expect(run.warnings).toEqual([expect.stringMatching(/answered 403/)])
  await run.expectExact()
})

describe('what is secret', () => {
  it('is masked before it could be in the log', async () => {
    await project.save()
    const run = new CachedRun(project)
    await run.restore({ inputs: ALL })
    const { query } = project.store.log[0] ?? { query: '' }
    const signature = new URLSearchParams(query).get('sig')
    expect(run.secrets).toEqual(expect.arrayContaining([query.slice(1), signature]))
  })

  it('goes to whom it is for: the token to the service, what the inputs have for a server to nobody', async () => {
    await project.save()
    const run = new CachedRun(project)
    const inputs = { ...ALL, authorization: 'Bearer 1nputs-s3cret', headers: 'X-Key: header-s3cret' }
    await run.restore({
      inputs,
      commit: 'newest',
      env: { CACHEW_AUTHORIZATION: 'Bearer env1ronment-s3cret' },
    })
    const { store, service, forge } = project
    expect(service.log.map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${service.env.ACTIONS_RUNTIME_TOKEN}`,
    ])
    expect(forge.github.log.length).toBeGreaterThan(0)
    const everywhere = valuesOf([...store.log, ...service.log, ...forge.github.log])
    expect(everywhere).not.toMatch(/1nputs-s3cret|header-s3cret|env1ronment-s3cret|x-key/i)
    expect(valuesOf([...store.log, ...service.log])).not.toContain(forge.token)
    await run.expectExact('newest')
  })
})
