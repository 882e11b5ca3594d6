import { beforeAll, describe, expect, it } from 'vitest'
import { type Plant, plants } from './plants.ts'
import { useScene } from './scene.ts'

const scene = useScene()
/** Where a job before has restored the snapshot. */
let left: string

beforeAll(async () => {
  left = await scene.leave()
})

/** Expects that plain git does what was planted. */
async function expectToFire(tree: string, { triggers, access }: Plant): Promise<void> {
  await scene.plainly(tree, triggers, access)
  expect(scene.canary.signs).not.toEqual([])
  scene.canary.reset()
}

/** Expects the wanted commit, and that nothing came of what was planted, also when git runs later in the job. */
async function expectHarmless(tree: string, { triggers, access }: Plant): Promise<void> {
  expect(scene.canary.signs).toEqual([])
  await scene.expectCommit(tree)
  await scene.plainly(tree, triggers, access)
  expect(scene.canary.signs).toEqual([])
}

describe('in the .git of a snapshot nothing comes of', () => {
  it.each(plants)('$what', async (plant) => {
    const tree = await scene.copyOf(scene.clone)
    await plant.plant(tree, scene)
    await scene.serve(tree)
    await expectToFire(tree, plant)
    const { workspace, report, warnings } = await scene.restore()
    const outcome = plant.ofSnapshot ?? 'restored'
    expect({ outcome: report.outcome, warnings: warnings.length }).toEqual({
      outcome,
      warnings: outcome === 'restored' ? 0 : 1,
    })
    expect(report.freshenedBy).toBe(outcome === 'restored' ? 'origin' : 'none')
    await expectHarmless(workspace, plant)
  })
})

describe('in the .git of a workspace that is used again nothing comes of', () => {
  it.each(plants)('$what', async (plant) => {
    const workspace = await scene.copyOf(left)
    await plant.plant(workspace, scene)
    await expectToFire(await scene.copyOf(workspace), plant)
    await scene.serve(scene.clone)
    const { report } = await scene.restore({ workspace })
    expect(report.outcome).toBe(plant.ofWorkspace ?? 'reused')
    await expectHarmless(workspace, plant)
  })
})
