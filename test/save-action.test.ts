import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { errorsOf, expectRestored, printed, run } from './support/action-run.ts'
import { never } from './support/deferred.ts'
import { basicCredential } from './support/github-server.ts'
import { makePlace, processesOf } from './support/place.ts'
import { skipWithout } from './support/programs.ts'
import type { RunOptions, RunResult } from './support/runner.ts'
import { useSaveScene } from './support/save-scene.ts'
import { temporary } from './support/temporary.ts'
import { cloneOf, expectSameAsClone } from './support/working-copy.ts'

const scene = useSaveScene()
const SAVE = join(import.meta.dirname, '..', 'save')

beforeEach((context) => skipWithout(context, 'tar', 'zstd'))

/** Runs a built action in a job of the repository, as the runner does. */
function job(options: RunOptions = {}): Promise<RunResult> {
  const { token, github } = scene.forge
  return run({
    ...options,
    inputs: { 'github-server-url': github.url, ...options.inputs },
    github: { token, sha: scene.commit, ...options.github },
    env: { GIT_CONFIG_NOSYSTEM: '1', ...scene.service.env, ...options.env },
  })
}

describe('the built action', () => {
  it('saves a snapshot in one job, and restores it in the next', async () => {
    const saved = await job({ action: SAVE, ...scene.place })
    expectRestored(saved)
    const { outputs, stdout } = saved
    expect(outputs).toMatchObject({ outcome: 'saved', commit: scene.commit })
    expect(scene.service.entries.map(({ key }) => key)).toEqual([outputs.key])
    expect(stdout).toContain('Saved a snapshot of octo/project main at')
    expect(readdirSync(scene.place.temp)).toEqual([])
    expect(readdirSync(scene.place.workspace)).toEqual([])

    const place = makePlace()
    const restored = await job({ ...place, inputs: { 'on-miss': 'fail', 'persist-credentials': 'false' } })
    expectRestored(restored)
    expect(restored.outputs).toMatchObject({
      outcome: 'restored',
      source: 'actions-cache',
      commit: scene.commit,
    })
    await expectSameAsClone(place.workspace, await cloneOf(scene.upstream, temporary()), scene.originUrl)
  })

  it('says once that no other branch can restore what a job of another branch than the default one saves', async () => {
    const payload = { repository: { default_branch: 'trunk' } }
    const { annotations, outputs } = await job({ action: SAVE, github: { payload } })
    expect(outputs.outcome).toBe('saved')
    const notices = annotations.filter(({ level }) => level === 'notice').map(({ message }) => message)
    expect(notices).toEqual([expect.stringMatching(/^No other branch can restore .* default branch, trunk$/)])
  })

  it('says and sets nothing that is secret, whether it saves, finds or fails', async () => {
    const saved = await job({ action: SAVE })
    const found = await job({ action: SAVE })
    expect([saved, found].map(({ outputs }) => outputs.outcome)).toEqual(['saved', 'exists'])
    const failed = await job({ action: SAVE, github: { ref: 'refs/tags/v1' } })
    expect(failed).toMatchObject({ exitCode: 1, outputs: {} })
    const { token } = scene.forge
    const secrets = [token, basicCredential(token), `${scene.service.env.ACTIONS_RUNTIME_TOKEN}`]
    for (const result of [saved, found, failed]) {
      const said = [printed(result), JSON.stringify(result.outputs), result.summary].join('\n')
      expect(secrets.filter((secret) => said.includes(secret))).toEqual([])
      expect(result.masks).toEqual(expect.arrayContaining([token, basicCredential(token)]))
    }
  })

  it('fails in words where the cache does not take the entry', async () => {
    scene.service.grants = 'read'
    const failed = await job({ action: SAVE, ...scene.place })
    expect(failed.exitCode).toBe(1)
    expect(errorsOf(failed)).toEqual([expect.stringContaining('the Actions cache did not take the entry')])
    const warnings = failed.annotations.filter(({ level }) => level === 'warning')
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('cache write denied')])
    expect(readdirSync(scene.place.temp)).toEqual([])
  })

  it('ends at once when it is cancelled while the cache is told of the entry', async () => {
    scene.fault = ({ path }) => (path.endsWith('/CreateCacheEntry') ? { hold: never } : undefined)
    const cancelled = new AbortController()
    const { service, place } = scene
    const ended = job({ action: SAVE, ...place, signal: cancelled.signal })
    await service.until(() => service.log.some(({ path }) => path.endsWith('/CreateCacheEntry')))
    cancelled.abort()
    const result = await ended
    expect(result).toMatchObject({ exitCode: 130, signal: null, outputs: {} })
    expect(errorsOf(result)).toEqual(['cancelled by SIGINT'])
    expect(readdirSync(place.temp)).toEqual([])
    expect(processesOf(place)).toEqual([])
  })
})
