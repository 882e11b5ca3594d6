import { describe, expect, it } from 'vitest'
import type { Report } from '../src/report/report.ts'
import { Run } from './support/restore-run.ts'
import { useServedProject } from './support/served-project.ts'

const project = useServedProject()

function stagesOf({ timeline }: Report): readonly string[] {
  return timeline.map(({ stage }) => stage)
}

function spanOf({ timeline }: Report, stage: string) {
  const span = timeline.find((other) => other.stage === stage)
  if (span === undefined) throw new Error(`there is no stage ${stage}`)
  return span
}

describe('the timeline of a restore', () => {
  it('has every stage, git beside the files, and the numbers of the outputs', async () => {
    const report = await new Run(project).restore()
    expect(stagesOf(report).toSorted()).toEqual(
      [
        ...['find commit', 'open', 'download', 'unpack', 'git', 'freshen', 'index', 'check out'],
        'move into place',
      ].toSorted(),
    )
    const [download, unpack, git] = ['download', 'unpack', 'git'].map((stage) => spanOf(report, stage))
    expect(download?.startMs).toBeLessThanOrEqual(unpack?.startMs ?? 0)
    expect(download?.endMs).toBeLessThanOrEqual(unpack?.endMs ?? 0)
    expect(git?.startMs).toBeGreaterThan(download?.startMs ?? 0)
    expect(spanOf(report, 'move into place').startMs).toBeGreaterThanOrEqual(
      spanOf(report, 'check out').endMs,
    )
    expect(Math.max(...report.timeline.map(({ endMs }) => endMs))).toBeLessThanOrEqual(report.totalMs)
    const open = spanOf(report, 'open')
    expect(report.openMs).toBe(open.endMs - open.startMs)
  })

  it('has a second span of what a second attempt does, and why there was one', async () => {
    let replaced = false
    project.fault = ({ start }) => {
      if (start === 0 || replaced) return undefined
      replaced = true
      return { etag: '"another"' }
    }
    const report = await new Run(project).restore()
    expect(stagesOf(report).filter((stage) => stage === 'open')).toHaveLength(2)
    expect(report.restarts).toEqual([
      { code: 'SNAPSHOT_CHANGED', words: expect.stringContaining('was replaced') },
    ])
  })
})

it('tells what the snapshot was and how it was asked for', async () => {
  const { bytes, commit } = project.snapshot
  const report = await new Run(project).restore()
  const place = `${project.server.url}/git/github.com/octo/project/snapshot.tar.zst`
  expect(report.snapshot).toMatchObject({ place, commit, totalBytes: bytes })
  expect(report.snapshot?.ageMs).toBeGreaterThanOrEqual(0)
  expect(report).toMatchObject({
    serverUrl: 'https://github.com',
    path: '',
    concurrency: 4,
    chunkBytes: 128 * 1024,
    error: undefined,
    missed: undefined,
    repeats: [],
    restarts: [],
  })
})

it('counts by code what was asked for again', async () => {
  const asked = new Set<number>()
  project.fault = ({ start }) => {
    if (asked.has(start)) return undefined
    asked.add(start)
    return start === 0 ? { finAfter: 1000 } : start > 400_000 ? undefined : { status: 503 }
  }
  const { repeats, retries } = await new Run(project).restore()
  expect(repeats.map(({ code }) => code).toSorted()).toEqual(['CONNECTION_FAILED', 'SERVER_ERROR'])
  expect(repeats.reduce((sum, { count }) => sum + count, 0)).toBe(retries)
  expect(repeats.find(({ code }) => code === 'SERVER_ERROR')?.words).toContain('answered 503')
})

it('tells why no snapshot was restored, where something else was done', async () => {
  project.fault = () => ({ status: 404 })
  const report = await new Run(project).restore({ onMiss: 'skip' })
  const missed = { code: 'NOT_FOUND', words: expect.stringContaining('answered 404') }
  expect(report).toMatchObject({ outcome: 'skipped', missed, snapshot: undefined })
})

it('tells what a step did that then failed', async () => {
  project.fault = ({ start }) => (start > 400_000 ? { status: 403 } : undefined)
  const told: Report[] = []
  const run = new Run(project)
  const onFailure = (report: Report): void => {
    told.push(report)
  }
  await run.failing({}, { onFailure })
  expect(told).toHaveLength(1)
  const [report] = told as [Report]
  const error = { code: 'ACCESS_DENIED', words: expect.stringContaining('answered 403') }
  expect(report).toMatchObject({ outcome: 'failed', error, commit: '', repository: 'octo/project' })
  expect(report.bytes).toBeGreaterThan(0)
  expect(stagesOf(report)).toEqual(expect.arrayContaining(['find commit', 'open', 'download', 'unpack']))
})
