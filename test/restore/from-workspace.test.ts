import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { git } from '../support/git-repo.ts'
import { change } from '../support/site.ts'
import { SubmoduleScene } from '../support/submodule-scene.ts'

it('a clone that is there goes on from the origin where the job gets no ID token for the server', async () => {
  const scene = await SubmoduleScene.create()
  const inputs = { 'oidc-audience': 'https://cache.example', submodules: 'false', 'on-miss': 'fetch' }
  await scene.restore(await scene.project.git('rev-parse', 'main'), inputs)
  const next = await scene.project.commit(change('newer.txt'))
  expect(await scene.restore(next, inputs)).toMatchObject({ outcome: 'reused', freshenedBy: 'origin' })
  expect(await git(scene.workspace, 'rev-parse', 'HEAD')).toBe(next)
  expect(readFileSync(scene.in('newer.txt'), 'utf8')).toBe('newer.txt\n')
  expect(scene.forge.snapshots.log).toEqual([])
})
