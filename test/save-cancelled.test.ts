import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { CACHED_FILE } from '../src/snapshot/actions-cache.ts'
import { deferred, never } from './support/deferred.ts'
import { failureOf } from './support/failing-step.ts'
import { processesOf } from './support/place.ts'
import { skipWithout } from './support/programs.ts'
import { useSaveScene } from './support/save-scene.ts'

const scene = useSaveScene()
const REASON = new Error('cancelled by the job')

beforeEach((context) => skipWithout(context, 'tar', 'zstd'))

/** Cancels a save once `reached` says so, and expects that reason, no process and no file of it to be there. */
async function expectCancelled(
  reached: () => Promise<unknown>,
  saveCache = scene.handOver.bind(scene),
): Promise<void> {
  const cancelled = new AbortController()
  const { signal } = cancelled
  const step = () => scene.save({ context: { signal, saveCache } })
  const [error] = await Promise.all([
    failureOf(scene.place, step),
    reached().then(() => cancelled.abort(REASON)),
  ])
  expect(error).toBe(REASON)
  expect(processesOf(scene.place)).toEqual([])
  expect(scene.service.entries).toEqual([])
}

describe('a save that is cancelled', () => {
  it('before it began asks nobody', async () => {
    await expectCancelled(async () => {})
    expect(scene.service.log).toEqual([])
  })

  it('while the cache is asked waits no longer', async () => {
    scene.fault = () => ({ hold: never })
    await expectCancelled(() => scene.service.until(() => scene.service.log.length > 0))
  })

  it('while it clones ends git', async () => {
    const { github } = scene.forge
    scene.forge.faults.github = ({ path }) =>
      path.endsWith('/git-upload-pack') ? { hold: never } : undefined
    await expectCancelled(() => github.until(() => github.log.some(({ method }) => method === 'POST')))
  })

  it('while it packs leaves no file', async () => {
    await scene.cloneIntoWorkspace()
    await expectCancelled(async () => {
      while (!isPacking()) await setImmediate()
    })
    expect(scene.handed).toEqual([])
  })

  it('while the entry is handed over does not wait for that', async () => {
    const begun = deferred()
    const saveCache = () => {
      begun.resolve()
      return never
    }
    await expectCancelled(() => begun.promise, saveCache)
  })
})

function isPacking(): boolean {
  const { temp } = scene.place
  return readdirSync(temp).some((name) => existsSync(join(temp, name, 'packed', CACHED_FILE)))
}
