import { describe, expect, it } from 'vitest'
import { errorsOf, type Started, start } from '../support/action-run.ts'
import { deferred } from '../support/deferred.ts'
import { expectUntouched, type Place, processesOf, remainsIn, usedPlace } from '../support/place.ts'
import type { RunOptions } from '../support/runner.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { MUCH_BYTES, restoring, startStalled, useServedProject } from '../support/served-project.ts'
import { listTree } from '../support/working-copy.ts'
import { expectRight, gitHeldAt, sabotaged, stagingIn } from './scene.ts'

const project = useServedProject()

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const
type Signal = keyof typeof EXIT_CODES

/** Brings a step to where it stands still for good. */
type Stage = {
  readonly what: string
  readonly arrange: () => { readonly options?: RunOptions; readonly reached: () => Promise<void> }
}

function inServer(what: string, fault: FaultScript, isReached: () => boolean): Stage {
  const arrange = () => {
    project.fault = fault
    return { reached: () => project.server.until(isReached) }
  }
  return { what, arrange }
}

/** The step's git never ends where its arguments have this word, and neither does what it has started. */
function inGit(word: string): Stage {
  const arrange = () => {
    const { env, reached } = gitHeldAt(word, 'sleep 600 & echo > "$TELL"; wait')
    return { options: { env }, reached }
  }
  return { what: `git ${word} runs`, arrange }
}

const stages: readonly Stage[] = [
  inServer(
    'the server has not answered',
    () => ({ hold: deferred().promise }),
    () => project.server.log.length > 0,
  ),
  inServer(
    'the first bytes have come',
    () => ({ stallAfter: 10_000 }),
    () => project.sentBytes() >= 10_000,
  ),
  inServer(
    'much is unpacked',
    () => ({ stallAfter: MUCH_BYTES }),
    () => project.sentBytes() >= MUCH_BYTES,
  ),
  inGit('rev-parse'),
  inGit('read-tree'),
  inGit('checkout'),
]

describe.each(Object.keys(EXIT_CODES) as Signal[])(
  'F121: %s ends the step, which leaves nothing,',
  (signal) => {
    it.each(stages)('F121: while $what', async ({ arrange }) => {
      const place = usedPlace()
      const before = listTree(place.workspace)
      const { options, reached } = arrange()
      const { pid, ended } = await start({ ...place, ...restoring(project, options) })
      await reached()
      process.kill(pid, signal)
      const result = await ended
      expect(errorsOf(result)).toEqual([`cancelled by ${signal}`])
      expect(result).toMatchObject({ exitCode: EXIT_CODES[signal], stderr: '', outputs: {} })
      expectUntouched(place, before)
    })
  },
)

describe('F121: a signal comes too late to leave the workspace as it was', () => {
  it('F121: in the middle of the swap, which is brought to its end', async () => {
    const place = usedPlace()
    const env = sabotaged({ call: 'promises.rename', about: '/tree/', nth: 3, times: 1, does: 'SIGINT' })
    const { ended } = await start({ ...place, ...restoring(project, { env }) })
    const result = await ended
    expect(result).toMatchObject({ exitCode: 130, stderr: '' })
    await expectRight(place, project)
    expect(processesOf(place)).toEqual([])
    expect(await result.runPost()).toMatchObject({ exitCode: 0, stderr: '' })
    expect(stagingIn(place)).toEqual([])
  })
})

it('F121: a removal that takes too long is left to the post step', async () => {
  const place = usedPlace()
  const before = listTree(place.workspace)
  const env = sabotaged({ call: 'promises.rm', about: '.git-snapshot-', nth: 1, does: 'never end' })
  const { pid, ended } = await startStalled(project, place, { env })
  process.kill(pid, 'SIGINT')
  const result = await ended
  expect(result).toMatchObject({ exitCode: 130, stderr: '' })
  expect(errorsOf(result)).toEqual(['cancelled by SIGINT; what it had begun is removed after the job'])
  expect(listTree(place.workspace)).toEqual(before)
  expect(remainsIn(place.temp)).toHaveLength(1)
  expect(await result.runPost({ env: {} })).toMatchObject({ exitCode: 0, stderr: '' })
  expectUntouched(place, before)
})

/** Starts a step, and resolves once it has a git that signals do not end. */
async function startDeaf(place: Place): Promise<Started> {
  const { env, reached } = gitHeldAt(
    'read-tree',
    `trap '' TERM INT; echo > "$TELL"; while :; do sleep 600; done`,
  )
  const started = await start({ ...place, ...restoring(project, { env }) })
  await reached()
  return started
}

it('F121: a second signal ends the step at once, with its git and what that has started', async () => {
  const place = usedPlace()
  const before = listTree(place.workspace)
  const { pid, ended } = await startDeaf(place)
  process.kill(pid, 'SIGINT')
  process.kill(pid, 'SIGTERM')
  const result = await ended
  // Which of two that come together is the second is not known.
  expect([130, 143]).toContain(result.exitCode)
  expect(result.stderr).toBe('')
  await expect.poll(() => processesOf(place)).toEqual([])
  expect(listTree(place.workspace)).toEqual(before)
  expect(await result.runPost({ env: {} })).toMatchObject({ exitCode: 0, stderr: '' })
  expectUntouched(place, before)
})

it('F121: a git that does not listen is ended all the same', async () => {
  const place = usedPlace()
  const before = listTree(place.workspace)
  const { pid, ended } = await startDeaf(place)
  process.kill(pid, 'SIGINT')
  expect(await ended).toMatchObject({ exitCode: 130, stderr: '' })
  expectUntouched(place, before)
})
