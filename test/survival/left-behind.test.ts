import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expectRestored, run } from '../support/action-run.ts'
import { type Place, usedPlace } from '../support/place.ts'
import { restoring, useServedProject } from '../support/served-project.ts'
import { temporary } from '../support/temporary.ts'
import { killedAt, makeOld, stagingIn } from './scene.ts'

const project = useServedProject()

const NAME = '.git-snapshot-00000000-0000-4000-8000-000000000000'

describe('F122: what is not of a killed run stays:', () => {
  function makeStaging(temp: string, name: string, owner?: object): string {
    const root = join(temp, name)
    mkdirSync(join(root, 'tree'), { recursive: true })
    if (owner !== undefined) writeFileSync(join(root, 'owner'), JSON.stringify(owner))
    return root
  }

  /** The marker of a run that was killed a moment ago, as it left it, but for these changes. */
  async function markerOfKilled(changes: object = {}): Promise<object> {
    const place = usedPlace()
    await run({ ...place, ...restoring(project, { env: killedAt({ call: 'symlinkSync', nth: 1 }) }) })
    const marker = readFileSync(join(stagingIn(place)[0] ?? '', 'owner'), 'utf8')
    return { ...JSON.parse(marker), ...changes }
  }

  async function expectRestores(place: Place): Promise<void> {
    expectRestored(await run({ ...place, ...restoring(project) }))
  }

  it.each<[string, object, number]>([
    ['a process that runs', { pid: process.pid, began: beginOf(process.pid) }, 30],
    ['another container, for another destination', { realm: 'elsewhere', destination: '/else' }, 1],
  ])('F122: staging of %s', async (_, changes, days) => {
    const place = usedPlace()
    const root = makeStaging(place.temp, NAME, await markerOfKilled(changes))
    makeOld(root, days)
    await expectRestores(place)
    expect(existsSync(join(root, 'tree'))).toBe(true)
  })

  it.each<[string, object, number]>([
    ['a process whose number another one has now', { pid: process.pid, began: '1' }, 0],
    ['another container that no job has outlived', { realm: 'elsewhere', destination: '/else' }, 6],
  ])('F122: but not staging of %s', async (_, changes, days) => {
    const place = usedPlace()
    const root = makeStaging(place.temp, NAME, await markerOfKilled(changes))
    makeOld(root, days)
    await expectRestores(place)
    expect(existsSync(root)).toBe(false)
  })

  it('F122: nor staging of another container for this destination', async () => {
    const place = usedPlace()
    const changes = { realm: 'elsewhere', destination: place.workspace }
    const root = makeStaging(place.temp, NAME, await markerOfKilled(changes))
    await expectRestores(place)
    expect(existsSync(root)).toBe(false)
  })

  it.each([
    ['.git-snapshot-mine', 30],
    ['git-snapshot-00000000-0000-4000-8000-000000000000', 30],
    [NAME, 0],
  ])('F122: a directory that is called %s, %i days old, without a marker', async (name, days) => {
    const place = usedPlace()
    const root = makeStaging(place.temp, name)
    makeOld(root, days)
    await expectRestores(place)
    expect(existsSync(join(root, 'tree'))).toBe(true)
  })

  it('F122: what a link leads to', async () => {
    const place = usedPlace()
    const target = makeStaging(temporary(), 'precious-1', await markerOfKilled())
    symlinkSync(target, join(place.temp, NAME))
    await expectRestores(place)
    expect(existsSync(join(target, 'tree'))).toBe(true)
  })
})

function beginOf(pid: number): string {
  const stat = existsSync('/proc') ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}
