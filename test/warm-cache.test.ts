import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CachedSnapshot } from '../src/snapshot/cache-key.ts'
import { commit, EMPTY_STORE, key, startCached, VERSION } from './snapshot/cached-entries.ts'
import { type Azurite, startAzurite } from './support/azurite.ts'
import { failedWarmStep, warmStep } from './warm-step.ts'

const BYTES = 70_000

let azurite: Azurite
beforeAll(async () => {
  azurite = await startAzurite()
})
afterAll(() => azurite.close())

/** A cache that has these snapshots, and what a job is told of it. */
async function cacheWith(...snapshots: readonly Partial<CachedSnapshot>[]) {
  const { service } = await startCached(azurite)
  for (const snapshot of snapshots) {
    const blob = service.save({ key: key(snapshot), version: VERSION })
    await azurite.put(blob, Buffer.alloc(BYTES))
  }
  return { service, env: { ...service.env, GITHUB_SERVER_URL: 'https://github.com' } }
}

describe('looking into the Actions cache', () => {
  it('finds the entry of the commit, and asks for its address once', async () => {
    const { service, env } = await cacheWith({ kind: 'shallow' }, { kind: 'full' })
    const { outputs, line, secrets } = await warmStep({ env, sha: commit(1) })
    expect(outputs).toMatchObject({
      found: 'true',
      source: 'actions-cache',
      commit: commit(1),
      'is-current': 'true',
      'age-seconds': expect.stringMatching(/^\d+$/),
      bytes: String(BYTES),
      ensured: '',
    })
    expect(outputs.etag).not.toBe('')
    expect(line).toMatch(
      /^The Actions cache has a snapshot of octo\/project at 0000000, the wanted commit \(/,
    )
    expect(service.asked).toHaveLength(1)
    expect(secrets.some((secret) => secret.includes('sig='))).toBe(true)
  })

  it('finds the newest of the branch where the commit has none', async () => {
    const { env } = await cacheWith({ commit: commit(1) }, { commit: commit(2) })
    const { outputs } = await warmStep({ env, sha: commit(3) })
    expect(outputs).toMatchObject({ found: 'true', commit: commit(2), 'is-current': 'false' })
  })

  it('finds nothing where there is none of the branch, which is no failure', async () => {
    const { env } = await cacheWith({ branch: 'other' })
    const { outputs, line } = await warmStep({ env, sha: commit(1) })
    expect(outputs).toMatchObject({ found: 'false', source: 'actions-cache', commit: '', bytes: '' })
    expect(line).toMatch(/the Actions cache has none of main$/)
  })

  it('finds nothing where the entry has lost its bytes', async () => {
    const { service, env } = await cacheWith()
    service.save({ key: key(), version: VERSION })
    const { outputs, line } = await warmStep({ env, sha: commit(1) })
    expect(outputs.found).toBe('false')
    expect(line).not.toContain('sig=')
  })

  it('finds nothing where the runner offers no cache', async () => {
    const { outputs, line } = await warmStep({ sha: commit(1) })
    expect(outputs).toMatchObject({ found: 'false', source: 'none' })
    expect(line).toMatch(/this job has no Actions cache/)
  })

  it('fails where the service cannot be reached', async () => {
    const { service } = await startCached(EMPTY_STORE)
    await service.close()
    const failure = await failedWarmStep({ env: service.env, inputs: { retries: '0' }, sha: commit(1) })
    expect(failure.code).toBe('CONNECTION_FAILED')
  })
})
