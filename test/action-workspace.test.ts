import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { expectRestored, run } from './support/action-run.ts'
import { remainsIn } from './support/place.ts'
import { restoring, useServedProject } from './support/served-project.ts'
import { temporary } from './support/temporary.ts'
import { cloneOf, expectSameAsClone, listTree } from './support/working-copy.ts'

const project = useServedProject()

it('restores into a path below the workspace, and touches nothing beside it', async () => {
  const workspace = temporary()
  writeFileSync(join(workspace, 'beside.txt'), 'stays')
  const result = await run(restoring(project, { workspace, inputs: { path: 'some/where' } }))
  expectRestored(result)
  await expectSameAsClone(join(workspace, 'some', 'where'), project.clone)
  expect(readdirSync(workspace)).toEqual(['beside.txt', 'some'])
  expect(readdirSync(join(workspace, 'some'))).toEqual(['where'])
})

it('restores where the runner’s temporary directory is on another disk', async (context) => {
  context.skip(!existsSync('/dev/shm'), 'no /dev/shm here')
  const temp = temporary('/dev/shm')
  for (const path of ['', 'some/where']) {
    const workspace = temporary()
    mkdirSync(join(workspace, '.old'))
    const result = await run(restoring(project, { workspace, temp, inputs: { path } }))
    expectRestored(result)
    await result.runPost()
    await expectSameAsClone(join(workspace, path), project.clone)
    expect(remainsIn(temp)).toEqual([])
    if (path !== '') expect(readdirSync(workspace).sort()).toEqual(['.old', 'some'])
  }
})

describe('what was in the workspace before', () => {
  it('is gone from there at once, is kept aside, and removed after the job', async () => {
    const workspace = temporary()
    mkdirSync(join(workspace, '.git'))
    writeFileSync(join(workspace, '.git', 'config'), '[core]\n\tfsmonitor = touch /tmp/never\n')
    mkdirSync(join(workspace, 'src'))
    writeFileSync(join(workspace, 'src', 'stale.ts'), 'from the job before')
    symlinkSync('src', join(workspace, 'data'))
    const before = listTree(workspace)

    const result = await run(restoring(project, { workspace }))
    expectRestored(result)
    await expectSameAsClone(workspace, project.clone)
    const [staging = '', ...others] = remainsIn(result.temp)
    expect(others).toEqual([])
    expect(result.state.staging).toBe(join(result.temp, staging))
    expect(listTree(join(result.temp, staging, 'old'))).toEqual(before)

    for (const _ of ['first', 'again']) {
      const post = await result.runPost()
      expect(post).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
      expect(remainsIn(result.temp)).toEqual([])
    }
    await expectSameAsClone(workspace, project.clone)
  })

  it('is removed by a post step to which RUNNER_TEMP is not told', async () => {
    const workspace = temporary()
    writeFileSync(join(workspace, 'old.txt'), 'old')
    const result = await run(restoring(project, { workspace }))
    const post = await result.runPost({ env: { RUNNER_TEMP: '' } })
    expect(post).toMatchObject({ exitCode: 0, stdout: '' })
    expect(remainsIn(result.temp)).toEqual([])
  })

  it('costs a warning and no failure where it cannot be removed', async () => {
    const result = await run(restoring(project))
    const notThere = join(result.workspace, 'README.md', 'staging')
    const post = await result.runPost({ env: { STATE_staging: notThere } })
    expect(post.exitCode).toBe(0)
    expect(post.annotations).toEqual([expect.objectContaining({ level: 'warning' })])
    expect(post.annotations[0]?.message).toContain(`could not remove ${notThere}`)
  })
})

it('restores on top of what it has restored', async () => {
  const { workspace, temp } = await run(restoring(project))
  expectRestored(await run(restoring(project, { workspace, temp })))
  await expectSameAsClone(workspace, project.clone)
})

it('gives files the modes that a checkout gives them under the runner’s umask', async () => {
  const umask = process.umask(0o027)
  onTestFinished(() => void process.umask(umask))
  const { workspace } = await run(restoring(project))
  await expectSameAsClone(workspace, await cloneOf(project.upstream, temporary()))
})

it('shares the runner’s temporary directory with another job', async () => {
  const temp = temporary()
  const options = restoring(project, { temp, inputs: { 'chunk-size': '128KiB' } })
  const results = await Promise.all([run(options), run(options)])
  for (const result of results) {
    expectRestored(result)
    await expectSameAsClone(result.workspace, project.clone)
  }
  expect(remainsIn(temp)).toEqual([])
})
