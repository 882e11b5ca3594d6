import { readdirSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { skipWithout } from './support/programs.ts'
import { type Saving, useSaveScene } from './support/save-scene.ts'

const scene = useSaveScene()
const HOUR_MS = 3_600_000

beforeEach((context) => skipWithout(context, 'tar', 'zstd'))

/** One more commit on `main`. */
function newerCommit(): Promise<string> {
  return scene.upstream.commit([{ path: 'newer', content: 'newer\n' }])
}

/** Saves once more, and expects nothing to be cloned, packed or handed over. */
async function expectNothingDone(saving: Saving) {
  scene.handed.length = 0
  scene.forge.github.log.length = 0
  const report = await scene.save(saving)
  expect(scene.handed).toEqual([])
  expect(scene.forge.github.log).toEqual([])
  expect(readdirSync(scene.place.temp)).toEqual([])
  expect(report).toMatchObject({ bytes: 0, unpackedBytes: 0, files: 0, cloneMs: 0, packMs: 0, uploadMs: 0 })
  return report
}

describe('a snapshot is not saved again', () => {
  it.each(['6h', '0'])('where this commit has one, with min-age %s', async (minAge) => {
    const { key, commit } = await scene.save()
    const report = await expectNothingDone({ inputs: { 'min-age': minAge } })
    expect(report).toMatchObject({ outcome: 'exists', key, commit })
    expect(scene.service.entries).toHaveLength(1)
  })

  it('while the newest of the branch is younger than min-age, and that one is told', async () => {
    const { key, commit } = await scene.save()
    const sha = await newerCommit()
    await scene.azurite.advance(4 * HOUR_MS)
    const report = await expectNothingDone({ event: { sha } })
    expect(report).toMatchObject({ outcome: 'young', key, commit })
  })

  it('where another job saves it meanwhile', async () => {
    const saveCache = async (directory: string, key: string) => {
      await scene.handOver(directory, key)
      return scene.handOver(directory, key)
    }
    const report = await scene.save({ context: { saveCache } })
    expect(report).toMatchObject({ outcome: 'exists', key: scene.handed[0], commit: scene.commit, bytes: 0 })
    expect(scene.service.entries).toHaveLength(1)
  })
})

describe('a snapshot is saved again', () => {
  async function expectSaved(saving: Saving): Promise<void> {
    expect(await scene.save(saving)).toMatchObject({ outcome: 'saved' })
    expect(scene.service.entries).toHaveLength(2)
  }

  it('once the newest of the branch is as old as min-age', async () => {
    await scene.save()
    const sha = await newerCommit()
    await scene.azurite.advance(6 * HOUR_MS)
    await expectSaved({ event: { sha } })
    expect((await scene.restore({}, sha)).report).toMatchObject({ freshenedBy: 'none' })
  })

  it('for every commit with min-age 0', async () => {
    await scene.save()
    await expectSaved({ event: { sha: await newerCommit() }, inputs: { 'min-age': '0' } })
  })

  it('with another kind of history', async () => {
    await scene.save()
    await expectSaved({ inputs: { 'fetch-depth': '0' } })
  })

  it('of another branch, even if its name goes on as the first one', async () => {
    await scene.upstream.git('branch', 'ma')
    await scene.save()
    await expectSaved({ inputs: { ref: 'ma' } })
  })

  it('where the age of the newest is not to be had', async () => {
    const { key } = await scene.save()
    const version = scene.service.entries[0]?.version ?? ''
    scene.service.entries.length = 0
    scene.service.save({ key, version })
    const sha = await newerCommit()
    await expectSaved({ event: { sha } })
  })
})
