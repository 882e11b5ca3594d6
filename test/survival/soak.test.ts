import { readdirSync, rmSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { restore } from '../../src/restore.ts'
import type { Fault } from '../support/fault.ts'
import { git } from '../support/git-repo.ts'
import { makePlace, type Place, remainsIn } from '../support/place.ts'
import { contextOf, inputsOf } from '../support/restore-arguments.ts'
import { useServedProject } from '../support/served-project.ts'
import { temporary } from '../support/temporary.ts'
import { turns } from '../support/turns.ts'

const project = useServedProject()

/** In the normal run; as many as this variable says on demand. */
const RESTORES = Number(process.env.GIT_SNAPSHOT_SOAK ?? 20)
const WARM_UP = 6
const FAULTY_CHUNK = 3 * 64 * 1024
const MiB = 1024 * 1024

const FAULTS: readonly (Fault | undefined)[] = [
  undefined,
  { resetAfter: 1000 },
  { status: 503 },
  { finAfter: 70_000 },
  { flipAt: 10 },
  { status: 404 },
  { overlong: 100 },
  { drop: 'fin' },
]

type Usage = {
  readonly descriptors: number
  readonly timers: number
  readonly heap: number
  readonly rss: number
}

async function usage(): Promise<Usage> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  await turns()
  collect()
  const { heapUsed: heap, rss } = process.memoryUsage()
  const active = process.getActiveResourcesInfo()
  const timers = active.filter((kind) => kind === 'Timeout' || kind === 'MessagePort').length
  return { descriptors: readdirSync('/proc/self/fd').length, timers, heap, rss }
}

/** What a restore with the fault of this turn comes to; where it fails it leaves nothing. */
async function restoreOnce(place: Place, turn: number): Promise<string> {
  const { workspace, temp } = place
  const fault = FAULTS[turn % FAULTS.length]
  // Every third one is not got over by a retry.
  const most = turn % 3 === 0 ? Number.POSITIVE_INFINITY : 1
  project.fault = ({ start, attempt }) => (start === FAULTY_CHUNK && attempt <= most ? fault : undefined)
  const server = project.server.url
  const inputs = inputsOf(workspace, { server, 'chunk-size': '64KiB', 'on-miss': 'fail', retries: '1' })
  const outcome = await restore(inputs, contextOf(project.snapshot.commit, { temp })).then(
    (report) => report.outcome,
    (error: Error & { code?: string }) => error.code ?? `untyped: ${error.message}`,
  )
  expect(remainsIn(temp)).toEqual([])
  if (outcome === 'restored') expect(await git(workspace, 'status', '--porcelain')).toBe('')
  else expect(readdirSync(workspace)).toEqual([])
  await project.server.until(() => project.server.active() === 0)
  project.server.log.length = 0
  return outcome
}

function expectNoGrowth(usages: readonly Usage[]): void {
  const [first, last] = [usages[WARM_UP], usages.at(-1)]
  if (first === undefined || last === undefined) throw new Error('too few restores')
  const mostDescriptors = (some: readonly Usage[]) => Math.max(...some.map(({ descriptors }) => descriptors))
  expect(mostDescriptors(usages.slice(-WARM_UP))).toBeLessThanOrEqual(
    mostDescriptors(usages.slice(0, WARM_UP)),
  )
  expect(last.timers).toBeLessThanOrEqual(first.timers)
  expect((last.heap - first.heap) / MiB).toBeLessThan(8)
  expect((last.rss - first.rss) / MiB).toBeLessThan(96)
}

it(
  `soak: ${RESTORES} restores with faults in one process leave no descriptor, no memory and no file behind`,
  async (context) => {
    if (process.platform !== 'linux') context.skip('descriptors are counted in /proc')
    const root = temporary()
    const outcomes: string[] = []
    const usages: Usage[] = []
    for (let turn = 0; turn < RESTORES; turn++) {
      rmSync(root, { recursive: true, force: true, maxRetries: 3 })
      outcomes.push(await restoreOnce(makePlace(root), turn))
      usages.push(await usage())
    }
    expect(outcomes.filter((outcome) => outcome.startsWith('untyped'))).toEqual([])
    expect(outcomes.filter((outcome) => outcome === 'restored').length).toBeGreaterThan(RESTORES / 4)
    expect(new Set(outcomes).size, outcomes.join()).toBeGreaterThan(3)
    expectNoGrowth(usages)
  },
  RESTORES * 15_000,
)
