import { describe, expect, it } from 'vitest'
import { run } from '../support/action-run.ts'
import { leftIn, usedPlace } from '../support/place.ts'
import type { RunOptions } from '../support/runner.ts'
import { restoring, startStalled, useServedProject } from '../support/served-project.ts'
import { expectRight, sabotaged, stagingIn } from './scene.ts'

const project = useServedProject()

describe('F123: the post step', () => {
  const post = { exitCode: 0, stderr: '' }

  it('F123: may run twice', async () => {
    const place = usedPlace()
    const result = await run({ ...place, ...restoring(project) })
    expect(stagingIn(place)).toHaveLength(1)
    expect(await result.runPost()).toMatchObject(post)
    expect(await result.runPost()).toMatchObject({ ...post, stdout: '' })
    expect(leftIn(place)).toEqual([])
    await expectRight(place, project)
  })

  it.each<[string, RunOptions]>([
    ['failed', { inputs: { server: 'http://127.0.0.1:9' } }],
    ['refused its inputs', { inputs: { server: 'nowhere' } }],
  ])('F123: has nothing to do after a step that %s', async (_, options) => {
    const place = usedPlace()
    const result = await run({ ...place, ...restoring(project, options) })
    expect(result.exitCode).toBe(1)
    expect(await result.runPost()).toMatchObject({ ...post, stdout: '' })
    expect(leftIn(place)).toEqual([])
  })

  it('F123: has nothing to do after a step that was cancelled', async () => {
    const place = usedPlace()
    const { pid, ended } = await startStalled(project, place)
    process.kill(pid, 'SIGINT')
    const result = await ended
    expect(result.exitCode).toBe(130)
    expect(await result.runPost()).toMatchObject(post)
    expect(leftIn(place)).toEqual([])
  })

  it('F123: warns where the state it is told is none', async () => {
    const result = await run({ ...usedPlace(), ...restoring(project) })
    const after = await result.runPost({ env: { STATE_credentials: '{"files":' } })
    expect(after).toMatchObject(post)
    expect(after.annotations).toMatchObject([
      { level: 'warning', message: expect.stringContaining('could not remove the credentials') },
    ])
    expect(stagingIn(result)).toEqual([])
  })

  it('F123: warns of what it cannot remove, and does not fail', async () => {
    const place = usedPlace()
    const result = await run({ ...place, ...restoring(project) })
    const [root = ''] = stagingIn(place)
    const env = sabotaged({ call: 'promises.rm', about: root, nth: 1, does: 'EIO' })
    const after = await result.runPost({ env })
    expect(after).toMatchObject(post)
    expect(after.annotations).toMatchObject([{ level: 'warning', message: expect.stringContaining(root) }])
  })

  it('F123: does nothing where the step itself was never begun', async () => {
    const place = usedPlace()
    const { runPost } = await run({ ...place, inputs: { server: 'nowhere' } })
    const env = { STATE_isPost: '', INPUT_SERVER: project.server.url, GITHUB_SHA: project.snapshot.commit }
    const after = await runPost({ env })
    expect(after).toMatchObject({ ...post, stdout: '' })
    expect(project.server.log).toEqual([])
  })
})
