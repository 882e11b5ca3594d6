import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { errorsOf, temporary } from '../support/action-run.ts'
import { deferred } from '../support/deferred.ts'
import type { RunOptions, RunResult } from '../support/runner.ts'
import { type ServedProject, serveProject } from '../support/served-project.ts'
import { listTree } from '../support/working-copy.ts'
import {
  expectRight,
  expectUntouched,
  gitInstead,
  leftIn,
  type Place,
  processesOf,
  restoring,
  sabotaged,
  start,
  usedPlace,
} from './scene.ts'

let project: ServedProject

beforeAll(async () => {
  project = await serveProject()
})
afterAll(() => project.close())
beforeEach(() => {
  project.fault = undefined
  project.server.log.length = 0
})

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const
type Signal = keyof typeof EXIT_CODES

/** Brings a step to where it stands still for good; resolves once it is there. */
type Stage = {
  readonly what: string
  readonly options: () => RunOptions
  readonly reached: () => Promise<void>
}

function standing(what: string, fault: () => ServedProject['fault'], reached: () => boolean): Stage {
  const options = () => {
    project.fault = fault()
    return restoring(project)
  }
  return { what, options, reached: () => project.server.until(reached) }
}

/** The step's git never ends where its arguments have this word, and neither does what it has started. */
function inGit(word: string): Stage {
  const bin = deferred<string>()
  const options = () => {
    const place = temporary()
    bin.resolve(place)
    const script = `case "$*" in *" ${word}"*) sleep 600 & echo > "${place}/calling"; wait;; esac`
    return restoring(project, { env: gitInstead(script) })
  }
  const reached = async () => {
    const file = join(await bin.promise, 'calling')
    await expect.poll(() => existsSync(file), { timeout: 20_000, interval: 20 }).toBe(true)
  }
  return { what: `git ${word} runs`, options, reached }
}

const sentBytes = () => project.sentBytes()

function stages(): readonly Stage[] {
  const never = deferred()
  return [
    standing(
      'the server has not answered',
      () => () => ({ hold: never.promise }),
      () => project.server.log.length > 0,
    ),
    standing(
      'the first bytes have come',
      () => () => ({ stallAfter: 10_000 }),
      () => sentBytes() >= 10_000,
    ),
    standing(
      'much is unpacked',
      () => () => ({ stallAfter: 1_200_000 }),
      () => sentBytes() >= 1_200_000,
    ),
    inGit('rev-parse'),
    inGit('read-tree'),
    inGit('checkout'),
  ]
}

describe.each(Object.keys(EXIT_CODES) as Signal[])(
  'F121: %s ends the step, which leaves nothing,',
  (signal) => {
    it.each(stages())('F121: while $what', async ({ options, reached }) => {
      const place = usedPlace()
      const before = listTree(place.workspace)
      const { pid, ended } = await start({ ...place, ...options() })
      await reached()
      process.kill(pid, signal)
      const result = await ended
      expect(errorsOf(result)).toEqual([`cancelled by ${signal}`])
      expect(result).toMatchObject({ exitCode: EXIT_CODES[signal], stderr: '', outputs: {} })
      expectUntouched(place, before)
    })
  },
)

/** The step, having been sent SIGINT at a call that is sabotaged so. */
async function interruptedAt(place: Place, call: string, about: string): Promise<RunResult> {
  const env = sabotaged({ call, about, nth: 2, times: 1, does: 'SIGINT' })
  const { ended } = await start({ ...place, ...restoring(project, { env }) })
  return ended
}

describe('F121: a signal comes too late to leave the workspace as it was', () => {
  it('F121: in the middle of the swap, which is brought to its end', async () => {
    const place = usedPlace()
    const result = await interruptedAt(place, 'promises.rename', '/tree/')
    expect(result).toMatchObject({ exitCode: 130, stderr: '' })
    await expectRight(place, project)
    expect(processesOf(place)).toEqual([])
    expect(await result.runPost()).toMatchObject({ exitCode: 0, stderr: '' })
    expect(leftIn(place).filter((path) => path.includes('.git-snapshot-'))).toEqual([])
  })
})

it('F121: a removal that takes too long is left to the post step', async () => {
  const place = usedPlace()
  const before = listTree(place.workspace)
  project.fault = () => ({ stallAfter: 1_200_000 })
  const never = sabotaged({ call: 'promises.rm', about: '.git-snapshot-', nth: 1, does: 'never end' })
  const { pid, ended } = await start({ ...place, ...restoring(project, { env: never }) })
  await project.server.until(() => sentBytes() >= 1_200_000)
  process.kill(pid, 'SIGINT')
  const result = await ended
  expect(result).toMatchObject({ exitCode: 130, stderr: '' })
  expect(errorsOf(result)).toEqual(['cancelled by SIGINT; what it had begun is removed after the job'])
  expect(listTree(place.workspace)).toEqual(before)
  expect(readdirSync(place.temp)).toHaveLength(1)
  expect(await result.runPost({ env: {} })).toMatchObject({ exitCode: 0, stderr: '' })
  expectUntouched(place, before)
})

it('F121: a second signal ends the step at once, with its git and what that has started', async () => {
  const place = usedPlace()
  const before = listTree(place.workspace)
  const bin = temporary()
  const env = gitInstead(`case "$*" in *" read-tree"*)
    trap '' TERM INT; echo > "${bin}/calling"; while :; do sleep 600; done;; esac`)
  const { pid, ended } = await start({ ...place, ...restoring(project, { env }) })
  await expect.poll(() => existsSync(join(bin, 'calling')), { timeout: 20_000, interval: 20 }).toBe(true)
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
  const bin = temporary()
  onTestFinished(() => expect(readFileSync(join(bin, 'calling'), 'utf8')).toBe('\n'))
  const env = gitInstead(`case "$*" in *" read-tree"*)
    trap '' TERM INT; echo > "${bin}/calling"; while :; do sleep 600; done;; esac`)
  const { pid, ended } = await start({ ...place, ...restoring(project, { env }) })
  await expect.poll(() => existsSync(join(bin, 'calling')), { timeout: 20_000, interval: 20 }).toBe(true)
  process.kill(pid, 'SIGINT')
  expect(await ended).toMatchObject({ exitCode: 130, stderr: '' })
  expectUntouched(place, before)
})
