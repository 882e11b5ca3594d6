import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expectRestored, run, start } from '../support/action-run.ts'
import { type Place, usedPlace } from '../support/place.ts'
import { restoring, useServedProject } from '../support/served-project.ts'
import { expectRight, gitHeldAt, killedAt, makeOld, type SabotagedCall, stagingIn } from './scene.ts'

const project = useServedProject()

/** Ends well, with the right tree, and leaves but what it put aside itself, until the post step. */
async function expectNextRunRight(place: Place): Promise<void> {
  project.fault = undefined
  const before = stagingIn(place)
  const result = await run({ ...place, ...restoring(project) })
  expectRestored(result)
  await expectRight(place, project)
  const after = stagingIn(place)
  expect(after.filter((path) => before.includes(path))).toEqual([])
  await result.runPost()
  expect(stagingIn(place)).toEqual([])
}

describe('F122: after SIGKILL the next run is right, and removes what was left,', () => {
  const points: readonly (SabotagedCall & { readonly what: string })[] = [
    { what: 'as soon as staging is there', call: 'promises.writeFile', about: '/owner', nth: 1 },
    { what: 'while files are written', call: 'openSync', about: '/tree/', nth: 7 },
    { what: 'while links are made', call: 'symlinkSync', nth: 2 },
    { what: 'in the first half of the swap', call: 'promises.rename', about: '/old/', nth: 2 },
    { what: 'between its halves', call: 'promises.rename', about: '/tree/.git', nth: 3 },
    { what: 'in the second half', call: 'promises.rename', about: '/tree/', nth: 5 },
    { what: 'as soon as the tree is there', call: 'promises.rm', about: '/swapping', nth: 1 },
  ]

  it.each(points)('F122: $what', async ({ what: _, ...call }) => {
    const place = usedPlace()
    const killed = await run({ ...place, ...restoring(project, { env: killedAt(call) }) })
    expect(killed.signal).toBe('SIGKILL')
    expect(stagingIn(place)).toHaveLength(1)
    // The kernel tells of a process for a moment after its end; a staging without a marker is kept for an hour.
    if (call.about === '/owner') makeOld(stagingIn(place)[0] ?? '')
    await expectNextRunRight(place)
  })

  it('F122: while git works', async () => {
    const place = usedPlace()
    const { env, reached } = gitHeldAt('read-tree', 'echo > "$TELL"; exec sleep 5')
    const { pid, ended } = await start({ ...place, ...restoring(project, { env }) })
    await reached()
    process.kill(pid, 'SIGKILL')
    await ended
    expect(stagingIn(place)).toHaveLength(1)
    await expectNextRunRight(place)
  })

  it('F122: at some moments, one run after the other in one workspace', async () => {
    const place = usedPlace()
    const delays = Array.from({ length: 8 }, () => 100 + Math.floor(Math.random() * 700))
    for (const delayMs of delays) {
      const { pid, ended } = await start({ ...place, ...restoring(project) })
      const timer = setTimeout(() => killIfThere(pid), delayMs)
      await ended.finally(() => clearTimeout(timer))
    }
    const result = await run({ ...place, ...restoring(project) })
    expectRestored(result)
    await expectRight(place, project).catch((error: Error) => {
      throw new Error(`killed after ${delays} ms: ${error.message}`)
    })
    await result.runPost()
    const unmarked = stagingIn(place).filter((path) => existsSync(join(path, 'owner')))
    expect(unmarked, `killed after ${delays} ms`).toEqual([])
  })

  it('F122: what a kill in the swap left is kept until the workspace is replaced', async () => {
    const place = usedPlace()
    const env = killedAt({ call: 'promises.rename', about: '/old/', nth: 3 })
    await run({ ...place, ...restoring(project, { env }) })
    const [root = ''] = stagingIn(place)
    const kept = readdirSync(join(root, 'old'))
    expect(kept.length).toBeGreaterThan(0)
    project.fault = () => ({ status: 404 })
    expect(await run({ ...place, ...restoring(project) })).toMatchObject({ exitCode: 1 })
    expect(readdirSync(join(root, 'old'))).toEqual(kept)
    await expectNextRunRight(place)
  })
})

/** It may have ended by itself a moment ago. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    expect(error).toMatchObject({ code: 'ESRCH' })
  }
}
