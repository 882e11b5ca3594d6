import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { expectRestored, run, temporary } from '../support/action-run.ts'
import type { RunOptions } from '../support/runner.ts'
import { type ServedProject, serveProject } from '../support/served-project.ts'
import type { Sabotage } from './sabotage.ts'
import {
  expectRight,
  gitInstead,
  leftIn,
  type Place,
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

const stagingOf = (place: Place) => leftIn(place).filter((path) => path.includes('.git-snapshot-'))

/** Ends well, with the right tree, and leaves but what it put aside itself, until the post step. */
async function expectNextRunRight(place: Place): Promise<void> {
  project.fault = undefined
  const before = stagingOf(place)
  const result = await run({ ...place, ...restoring(project) })
  expectRestored(result)
  await expectRight(place, project)
  const after = stagingOf(place)
  expect(after.filter((path) => before.includes(path))).toEqual([])
  await result.runPost()
  expect(stagingOf(place)).toEqual([])
}

describe('F122: after SIGKILL the next run is right, and removes what was left,', () => {
  const points: readonly (Sabotage & { readonly what: string })[] = [
    {
      what: 'as soon as staging is there',
      call: 'promises.writeFile',
      about: '/owner',
      nth: 1,
      does: 'SIGKILL',
    },
    { what: 'while files are written', call: 'openSync', about: '/tree/', nth: 7, does: 'SIGKILL' },
    { what: 'while links are made', call: 'symlinkSync', nth: 2, does: 'SIGKILL' },
    {
      what: 'in the first half of the swap',
      call: 'promises.rename',
      about: '/old/',
      nth: 2,
      does: 'SIGKILL',
    },
    { what: 'between its halves', call: 'promises.rename', about: '/tree/.git', nth: 2, does: 'SIGKILL' },
    { what: 'in the second half', call: 'promises.rename', about: '/tree/', nth: 4, does: 'SIGKILL' },
    {
      what: 'as soon as the tree is there',
      call: 'promises.rm',
      about: '/swapping',
      nth: 1,
      does: 'SIGKILL',
    },
  ]

  it.each(points)('F122: $what', async ({ what: _, ...sabotage }) => {
    const place = usedPlace()
    const killed = await run({ ...place, ...restoring(project, { env: sabotaged(sabotage) }) })
    expect(killed.signal).toBe('SIGKILL')
    expect(stagingOf(place)).toHaveLength(1)
    // The kernel tells of a process for a moment after its end; a staging without a marker is kept for an hour.
    if (sabotage.about === '/owner') makeOld(stagingOf(place)[0] ?? '')
    await expectNextRunRight(place)
  })

  it('F122: while git works', async () => {
    const place = usedPlace()
    const bin = temporary()
    const env = gitInstead(`case "$*" in *" read-tree"*) echo > "${bin}/calling"; exec sleep 5;; esac`)
    const { pid, ended } = await start({ ...place, ...restoring(project, { env }) })
    await expect.poll(() => existsSync(join(bin, 'calling')), { timeout: 20_000, interval: 20 }).toBe(true)
    process.kill(pid, 'SIGKILL')
    await ended
    expect(stagingOf(place)).toHaveLength(1)
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
    project.fault = undefined
    const result = await run({ ...place, ...restoring(project) })
    expectRestored(result)
    await expectRight(place, project).catch((error: Error) => {
      throw new Error(`killed after ${delays} ms: ${error.message}`)
    })
    await result.runPost()
    const unmarked = stagingOf(place).filter((path) => existsSync(join(path, 'owner')))
    expect(unmarked, `killed after ${delays} ms`).toEqual([])
  })

  it('F122: what a kill in the swap left is kept until the workspace is replaced', async () => {
    const place = usedPlace()
    const kill = { call: 'promises.rename', about: '/old/', nth: 3, does: 'SIGKILL' } as const
    await run({ ...place, ...restoring(project, { env: sabotaged(kill) }) })
    const [root = ''] = stagingOf(place)
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

function makeOld(path: string, days = 0.1): void {
  const seconds = Date.now() / 1000 - days * 24 * 3600
  utimesSync(path, seconds, seconds)
}

describe('F122: what is not of a killed run stays:', () => {
  const other = (place: Place, name: string, owner?: object): string => {
    const root = join(place.temp, name)
    mkdirSync(join(root, 'tree'), { recursive: true })
    if (owner !== undefined) writeFileSync(join(root, 'owner'), JSON.stringify(owner))
    return root
  }
  const NAME = '.git-snapshot-00000000-0000-4000-8000-000000000000'

  /** The marker of a run that was killed a moment ago, as it left it. */
  async function markerOfKilled(place: Place): Promise<Record<string, unknown>> {
    const kill = { call: 'symlinkSync', nth: 1, does: 'SIGKILL' } as const
    await run({ ...place, ...restoring(project, { env: sabotaged(kill) }) })
    const marker = join(stagingOf(place)[0] ?? '', 'owner')
    return JSON.parse(readFileSync(marker, 'utf8')) as Record<string, unknown>
  }

  it.each<[string, object, number]>([
    ['a process that runs', { pid: process.pid, began: beginOf(process.pid) }, 30],
    ['another container, for another destination', { realm: 'elsewhere', destination: '/else' }, 1],
  ])('F122: staging of %s', async (_, changes, days) => {
    const place = usedPlace()
    const root = other(place, NAME, { ...(await markerOfKilled(usedPlace())), ...changes })
    makeOld(root, days)
    expectRestored(await run({ ...place, ...restoring(project) }))
    expect(existsSync(join(root, 'tree'))).toBe(true)
  })

  it.each<[string, object, number]>([
    ['a process whose number another one has now', { pid: process.pid, began: '1' }, 0],
    ['another container that no job has outlived', { realm: 'elsewhere', destination: '/else' }, 6],
  ])('F122: but not staging of %s', async (_, changes, days) => {
    const place = usedPlace()
    const root = other(place, NAME, { ...(await markerOfKilled(usedPlace())), ...changes })
    makeOld(root, days)
    expectRestored(await run({ ...place, ...restoring(project) }))
    expect(existsSync(root)).toBe(false)
  })

  it('F122: nor staging of another container for this destination', async () => {
    const place = usedPlace()
    const changes = { realm: 'elsewhere', destination: place.workspace }
    const root = other(place, NAME, { ...(await markerOfKilled(usedPlace())), ...changes })
    expectRestored(await run({ ...place, ...restoring(project) }))
    expect(existsSync(root)).toBe(false)
  })

  it.each([
    ['.git-snapshot-mine', 30],
    ['git-snapshot-00000000-0000-4000-8000-000000000000', 30],
    [NAME, 0],
  ])('F122: a directory that is called %s, %i days old, without a marker', async (name, days) => {
    const place = usedPlace()
    const root = other(place, name)
    makeOld(root, days)
    expectRestored(await run({ ...place, ...restoring(project) }))
    expect(existsSync(join(root, 'tree'))).toBe(true)
  })

  it('F122: what a link leads to', async () => {
    const place = usedPlace()
    const marker = await markerOfKilled(usedPlace())
    const target = other({ ...place, temp: temporary() }, 'precious', marker)
    renameSync(target, `${target}-1`)
    symlinkSync(`${target}-1`, join(place.temp, NAME))
    expectRestored(await run({ ...place, ...restoring(project) }))
    expect(existsSync(join(`${target}-1`, 'tree'))).toBe(true)
  })
})

function beginOf(pid: number): string {
  const stat = existsSync('/proc') ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

describe('F123: the post step', () => {
  const post = { exitCode: 0, stderr: '' }

  it('F123: may run twice', async () => {
    const place = usedPlace()
    const result = await run({ ...place, ...restoring(project) })
    expect(stagingOf(place)).toHaveLength(1)
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
    project.fault = () => ({ stallAfter: 1_200_000 })
    const { pid, ended } = await start({ ...place, ...restoring(project) })
    await project.server.until(() => project.sentBytes() >= 1_200_000)
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
    expect(stagingOf(result)).toEqual([])
  })

  it('F123: warns of what it cannot remove, and does not fail', async () => {
    const place = usedPlace()
    const result = await run({ ...place, ...restoring(project) })
    const [root = ''] = stagingOf(place)
    const env = sabotaged({ call: 'promises.rm', about: root, nth: 1, does: 'EIO' })
    const after = await result.runPost({ env })
    expect(after).toMatchObject(post)
    expect(after.annotations).toMatchObject([{ level: 'warning', message: expect.stringContaining(root) }])
  })

  it('F123: does nothing where the step itself was never begun', async () => {
    const place = usedPlace()
    const { runPost } = await run({ ...place, inputs: { server: 'nowhere' } })
    const after = await runPost({ env: { STATE_isPost: '', ...restoringByPost() } })
    expect(after).toMatchObject({ ...post, stdout: '' })
    expect(project.server.log).toEqual([])
  })

  function restoringByPost(): Record<string, string> {
    return { INPUT_SERVER: project.server.url, GITHUB_SHA: project.snapshot.commit }
  }
})
