import { existsSync, readFileSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { never } from './support/deferred.ts'
import type { Fault } from './support/fault.ts'
import { Run } from './support/restore-run.ts'
import type { FaultScript } from './support/scripted-server.ts'
import { useServedProject } from './support/served-project.ts'
import { temporary } from './support/temporary.ts'
import { expectSameAsClone } from './support/working-copy.ts'

const project = useServedProject()

/** A fault for the first request for each place only. */
function atFirst(faultAt: (start: number) => Fault | undefined): FaultScript {
  const asked = new Set<number>()
  return ({ start }) => {
    if (asked.has(start)) return undefined
    asked.add(start)
    return faultAt(start)
  }
}

describe('a report', () => {
  it('tells what was done, in numbers that the server has too', async () => {
    const run = new Run(project)
    const report = await run.restore()
    const { commit, etag, bytes } = project.snapshot
    expect(report).toMatchObject({
      outcome: 'restored',
      freshenedBy: 'none',
      repository: 'octo/project',
      ref: 'refs/heads/main',
      commit,
      snapshot: { source: 'cachew', commit, etag },
      bytes,
      retries: 0,
    })
    expect(report.requests).toBe(project.server.log.length)
    const { openMs, restoreMs, settleMs, totalMs } = report
    expect(Math.min(openMs, restoreMs, settleMs)).toBeGreaterThan(0)
    expect(openMs + restoreMs + settleMs).toBeLessThanOrEqual(totalMs)
    expect(run.lines).toEqual([])
    await expectSameAsClone(run.workspace, project.clone)
  })

  it('counts what was asked for again and what came twice', async () => {
    const faults: Record<number, Fault> = {
      0: { finAfter: 1000 },
      131072: { resetAfter: 0 },
      262144: { status: 503 },
    }
    project.fault = atFirst((start) => faults[start])
    const run = new Run(project)
    const report = await run.restore()
    await expectSameAsClone(run.workspace, project.clone)
    expect(report).toMatchObject({
      retries: 3,
      requests: project.server.log.length,
      bytes: project.sentBytes(),
    })
    expect(project.server.log.map(({ range }) => range)).toContain('bytes=1000-131071')
    expect(run.lines).toHaveLength(3)
    for (const line of run.lines) expect(line).toMatch(/; trying again (in \d\.\d s|at once)$/)
  })
})

it('asks for nothing in ranges that it could not tell apart from another revision’s', async () => {
  for (const etag of [null, 'W/"weak"']) {
    project.fault = () => ({ etag })
    const run = new Run(project)
    project.server.log.length = 0
    expect((await run.restore()).snapshot?.etag).toBeUndefined()
    expect(project.server.log.map(({ range }) => range)).toEqual(['bytes=0-131071', undefined])
    expect(project.server.log.at(-1)?.state).toBe('complete')
    await expectSameAsClone(run.workspace, project.clone)
  }
})

it('goes on where a connection stands still', async () => {
  let stalled = false
  project.fault = ({ start }) => {
    if (start === 0 || stalled) return undefined
    stalled = true
    return { stallAfter: 5000 }
  }
  const run = new Run(project)
  const { retries } = await run.restore({ concurrency: 2, chunkBytes: 1024 * 1024, stallMs: 200 })
  expect(retries).toBeGreaterThan(0)
  expect(run.lines[0]).toContain('stalled at byte')
  await expectSameAsClone(run.workspace, project.clone)
})

it('ends with TIMEOUT when the snapshot takes too long, and with the workspace as it was', async () => {
  project.fault = ({ start }) => (start > 0 ? { hold: never } : undefined)
  const run = new Run(project)
  writeFileSync(join(run.workspace, 'mine.txt'), 'mine')
  const error = await run.failing({ timeoutMs: 300 })
  expect(error).toMatchObject({ code: 'TIMEOUT' })
  await project.server.until(() => project.server.active() === 0)
})

it('asks for nothing and writes nothing when it is cancelled already', async () => {
  const reason = new Error('cancelled')
  const run = new Run(project)
  expect(await run.failing({}, { signal: AbortSignal.abort(reason) })).toBe(reason)
  expect(project.server.log).toEqual([])
})

it('leaves nothing when it is cancelled while git works', async () => {
  const cancel = new AbortController()
  const reason = new Error('cancelled')
  const run = new Run(project)
  const bin = temporary()
  // The probe's git is the real one; the first in the tree never ends.
  const script = `#!/bin/sh
    case "$*" in *' init '*|*' version'|*' config '*) PATH="${process.env.PATH}" exec git "$@" ;; esac
    echo "$*" > "${bin}/calling"
    mv "${bin}/calling" "${bin}/called"
    exec sleep 600`
  writeFileSync(join(bin, 'git'), script, { mode: 0o755 })
  const watcher = watch(bin, () => existsSync(join(bin, 'called')) && cancel.abort(reason))
  onTestFinished(() => watcher.close())
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` }
  expect(await run.failing({}, { env, signal: cancel.signal })).toBe(reason)
  expect(readFileSync(join(bin, 'called'), 'utf8')).toContain('rev-parse')
})

it('tells where staging will be before it is there, and nothing to remove while the swap is under way', async () => {
  const run = new Run(project)
  const told: { readonly root: string; readonly exists: boolean }[] = []
  await run.restore({}, { onStaging: (root) => told.push({ root, exists: existsSync(root) }) })
  const root = told[0]?.root ?? ''
  expect(root.startsWith(join(run.temp, '.git-snapshot-'))).toBe(true)
  expect(told).toEqual([
    { root, exists: false },
    { root: '', exists: false },
    { root, exists: true },
  ])
})

it('ends the threads and processes that it has started, whether it succeeds or fails', async () => {
  const running = () => process.getActiveResourcesInfo().filter((kind) => /MessagePort|Process/.test(kind))
  const before = running()
  const during: string[] = []
  project.fault = ({ start }) => {
    if (start > 0) during.push(...running())
    return undefined
  }
  await new Run(project).restore()
  expect(running()).toEqual(before)
  expect(during.length).toBeGreaterThan(before.length)
  project.fault = ({ start }) => (start > 600_000 ? { status: 403 } : undefined)
  expect(await new Run(project).failing()).toMatchObject({ code: 'ACCESS_DENIED' })
  expect(running()).toEqual(before)
  await project.server.until(() => project.server.active() === 0)
})
