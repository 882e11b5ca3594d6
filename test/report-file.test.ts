import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { useForgedProject } from './support/forged-project.ts'
import { makePlace, remainsIn } from './support/place.ts'
import type { RunOptions, RunResult } from './support/runner.ts'
import type { FaultScript } from './support/scripted-server.ts'

const project = useForgedProject({ concurrency: '2', 'chunk-size': '128KiB' })

function step(snapshots: FaultScript | undefined, options: RunOptions = {}): Promise<RunResult> {
  project.forge.faults.snapshots = snapshots
  return project.step(options)
}

/** A fault for the first request that it is for. */
function once(fault: FaultScript): FaultScript {
  let isOver = false
  return (request) => {
    const found = isOver ? undefined : fault(request)
    isOver ||= found !== undefined
    return found
  }
}

const missing: FaultScript = () => ({ status: 404 })

/** What leads to every value: `a.b` in an object, `a[].b` in a list. */
function fieldsOf(value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((one) => fieldsOf(one, `${path}[]`))
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([key, inner]) =>
    fieldsOf(inner, path === '' ? key : `${path}.${key}`),
  )
}

/** The first column of the tables of a page whose head begins with this word. */
function documented(head: string): readonly string[] {
  const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'report.md'), 'utf8')
  const table = page.split('\n\n').find((part) => part.startsWith(`| ${head} |`)) ?? ''
  return [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name = '']) => name)
}

describe('the report of a step', () => {
  it('has the fields that docs/report.md describes', async () => {
    const sha = await project.upstream.commit([{ path: 'newer.txt', content: 'newer\n' }])
    const steps = [
      await step(
        once(() => ({ status: 503 })),
        { github: { sha } },
      ),
      await step(once(({ start }) => (start > 0 ? { etag: '"another"' } : undefined))),
      await step(missing),
      await step(missing, { inputs: { 'on-miss': 'fail' } }),
    ]
    const outcomes = steps.map(({ report }) => (report as { outcome: string }).outcome)
    expect(outcomes).toEqual(['restored', 'restored', 'fetched', 'failed'])
    const fields = new Set(steps.flatMap(({ report }) => fieldsOf(report)))
    fields.delete('repeats[]')
    fields.delete('restarts[]')
    expect([...fields].toSorted()).toEqual(documented('field').toSorted())
    const stages = steps.flatMap(({ report }) => (report as { timeline: { stage: string }[] }).timeline)
    expect(documented('stage')).toEqual(expect.arrayContaining(stages.map(({ stage }) => stage)))
  })

  it('says what the outputs say', async () => {
    const { report, outputs } = await step(undefined)
    expect(report).toMatchObject({
      version: 1,
      outcome: 'restored',
      commit: project.tip,
      bytes: Number(outputs.bytes),
      requests: Number(outputs.requests),
      snapshot: { commit: outputs['snapshot-commit'], etag: outputs.etag, files: Number(outputs.files) },
    })
  })

  it('is a file of its own for each of two steps, and is left to later ones', async () => {
    const place = makePlace()
    const first = await step(undefined, { ...place, inputs: { path: 'one' } })
    const second = await step(undefined, { ...place, inputs: { path: 'two' } })
    for (const { runPost } of [second, first]) await runPost()
    expect(first.outputs.report).not.toBe(second.outputs.report)
    for (const [{ outputs }, path] of [
      [first, 'one'],
      [second, 'two'],
    ] as const) {
      expect(JSON.parse(readFileSync(outputs.report ?? '', 'utf8'))).toMatchObject({ path })
    }
    expect(remainsIn(place.temp)).toEqual([])
  })

  it('is no reason to fail where it cannot be written', async () => {
    const notDirectory = join(makePlace().temp, 'file')
    writeFileSync(notDirectory, '')
    const inputs = { 'persist-credentials': 'false' }
    const result = await step(undefined, { inputs, env: { RUNNER_TEMP: notDirectory } })
    expect(result).toMatchObject({ exitCode: 0, report: undefined })
    expect(result.stdout).toContain('no report is written: ENOTDIR')
  })

  it('is not there after a step that refused its inputs', async () => {
    const { exitCode, outputs } = await step(undefined, { inputs: { concurrency: '0' } })
    expect({ exitCode, outputs }).toEqual({ exitCode: 1, outputs: {} })
  })
})
