import { chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { expectRestored, run } from './support/action-run.ts'
import { type ContainerJob, containerJob } from './support/container.ts'
import { leftIn, remainsIn } from './support/place.ts'
import { restoring, useServedProject } from './support/served-project.ts'
import { expectSameAsClone } from './support/working-copy.ts'

const project = useServedProject()

async function expectRestoredAndCleared({ place, options }: ContainerJob): Promise<void> {
  const old = join(place.workspace, 'of an earlier job')
  writeFileSync(old, 'old')
  chownSync(old, 1001, 1001)
  const result = await run({ ...options, ...restoring(project, { inputs: { token: 'a-token' } }) })
  expectRestored(result)
  expect(result.state.staging).toMatch(/^\/__w\/project\/\.git-snapshot-/)
  expect(await result.runPost()).toMatchObject({ exitCode: 0, stderr: '' })
  expect(leftIn(place)).toEqual([])
  expect(remainsIn(place.temp)).toEqual(['_github_home'])
  // Git, outside and as root, trusts no directory of another user.
  chownSync(place.workspace, 0, 0)
  await expectSameAsClone(place.workspace, project.clone)
}

it('a container job restores by git alone, as root in the directories of another user, from mounts apart', async (context) => {
  await expectRestoredAndCleared(containerJob(context))
})

it('a container job restores where there is no /proc', async (context) => {
  await expectRestoredAndCleared(containerJob(context, { without: '/proc' }))
})
