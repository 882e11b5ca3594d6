import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it, onTestFinished } from 'vitest'
import { parseInputs } from '../../src/inputs.ts'
import { restore } from '../../src/restore.ts'
import { readActionMetadata } from '../support/action-metadata.ts'
import type { Fault } from '../support/fault.ts'
import { git } from '../support/git-repo.ts'
import { serveProject } from '../support/served-project.ts'

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
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  const { heapUsed: heap, rss } = process.memoryUsage()
  const active = process.getActiveResourcesInfo()
  const timers = active.filter((kind) => kind === 'Timeout' || kind === 'MessagePort').length
  return { descriptors: readdirSync('/proc/self/fd').length, timers, heap, rss }
}

it(
  `soak: ${RESTORES} restores with faults in one process leave no descriptor, no memory and no file behind`,
  async (context) => {
    if (process.platform !== 'linux') context.skip('descriptors are counted in /proc')
    const project = await serveProject()
    onTestFinished(() => project.close())
    const root = mkdtempSync(join(tmpdir(), 'soak-'))
    onTestFinished(() => rmSync(root, { recursive: true, force: true, maxRetries: 3 }))
    const [workspace, temp] = [join(root, 'work', 'project'), join(root, '_temp')]
    const { defaults } = readActionMetadata(join(import.meta.dirname, '..', '..', 'action.yml'))
    const given: Record<string, string> = {
      ...Object.fromEntries(defaults),
      server: project.server.url,
      repository: 'octo/project',
      'github-server-url': 'https://github.com',
      token: '',
      'chunk-size': '64KiB',
      'on-miss': 'fail',
      retries: '1',
    }
    const inputs = parseInputs((name) => given[name] ?? '', { GITHUB_WORKSPACE: workspace })
    const outcomes: string[] = []
    const usages: Usage[] = []
    for (let index = 0; index < RESTORES; index++) {
      rmSync(root, { recursive: true, force: true, maxRetries: 3 })
      for (const directory of [workspace, temp]) mkdirSync(directory, { recursive: true })
      const fault = FAULTS[index % FAULTS.length]
      // Every third one is not got over by a retry.
      const most = index % 3 === 0 ? Number.POSITIVE_INFINITY : 1
      project.fault = ({ start, attempt }) => (start === FAULTY_CHUNK && attempt <= most ? fault : undefined)
      const outcome = await restore(inputs, {
        env: process.env,
        event: {
          name: 'push',
          ref: 'refs/heads/main',
          repository: 'octo/project',
          sha: project.snapshot.commit,
          payload: {},
        },
        temp,
        signal: new AbortController().signal,
        log: () => {},
        warn: () => {},
        onStaging: () => {},
        onCredentials: () => {},
      }).then(
        (report) => report.outcome,
        (error: Error & { code?: string }) => error.code ?? `untyped: ${error.message}`,
      )
      outcomes.push(outcome)
      expect(readdirSync(temp)).toEqual([])
      if (outcome === 'restored') expect(await git(workspace, 'status', '--porcelain')).toBe('')
      else expect(readdirSync(workspace)).toEqual([])
      await project.server.until(() => project.server.active() === 0)
      project.server.log.length = 0
      usages.push(await usage())
    }
    expect(outcomes.filter((outcome) => outcome.startsWith('untyped'))).toEqual([])
    expect(outcomes.filter((outcome) => outcome === 'restored').length).toBeGreaterThan(RESTORES / 4)
    expect(new Set(outcomes).size, outcomes.join()).toBeGreaterThan(3)
    const [first, last] = [usages[WARM_UP], usages.at(-1)]
    if (first === undefined || last === undefined) throw new Error('too few restores')
    const most = (key: keyof Usage) => Math.max(...usages.slice(-WARM_UP).map((each) => each[key]))
    expect(most('descriptors')).toBeLessThanOrEqual(
      Math.max(...usages.slice(0, WARM_UP).map((u) => u.descriptors)),
    )
    expect(last.timers).toBeLessThanOrEqual(first.timers)
    expect((last.heap - first.heap) / MiB).toBeLessThan(8)
    expect((last.rss - first.rss) / MiB).toBeLessThan(96)
  },
  RESTORES * 15_000,
)
