import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Inputs } from '../src/inputs.ts'
import type { Context } from '../src/job.ts'
import type { Report } from '../src/report.ts'
import { restore } from '../src/restore.ts'
import { pzstd, tarDirectory } from './support/archive.ts'
import { deferred } from './support/deferred.ts'
import type { Fault } from './support/fault.ts'
import { git } from './support/git-repo.ts'
import { startObjectServer } from './support/object-server.ts'
import type { FaultScript } from './support/scripted-server.ts'
import { type ServedProject, serveProject } from './support/served-project.ts'
import { cloneOf, expectSameAsClone, listTree } from './support/working-copy.ts'

const remoteUrl = 'https://github.com/octo/project'

let project: ServedProject

beforeAll(async () => {
  project = await serveProject()
})
afterAll(() => project.close())
beforeEach(() => {
  project.fault = undefined
  project.server.log.length = 0
})

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'restore-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A fault for the first request for each place only. */
function atFirst(faultAt: (start: number) => Fault | undefined): FaultScript {
  const asked = new Set<number>()
  return ({ start }) => {
    if (asked.has(start)) return undefined
    asked.add(start)
    return faultAt(start)
  }
}

const event = { name: 'push', ref: 'refs/heads/main', repository: 'octo/project', payload: {} }

type Changes = Partial<Inputs> & Partial<Context>

class Run {
  readonly workspace = temporary()
  readonly temp = temporary()
  readonly lines: string[] = []
  readonly stagings: string[] = []

  restore(changes: Changes = {}): Promise<Report> {
    const { env, signal, onStaging, event: _, ...inputs } = changes
    return restore(
      {
        server: new URL(`${project.server.url}/`),
        url: undefined,
        repository: { owner: 'octo', name: 'project' },
        githubServerUrl: new URL('https://github.com'),
        workspace: this.workspace,
        destination: this.workspace,
        authorization: undefined,
        headers: [],
        concurrency: 4,
        chunkBytes: 128 * 1024,
        retries: 5,
        stallMs: 30_000,
        timeoutMs: 0,
        onMiss: 'fail',
        sha256: undefined,
        maxUnpackedBytes: 64 * 1024 ** 3,
        maxEntries: 5_000_000,
        isDisabled: false,
        ref: '',
        token: undefined,
        ssh: undefined,
        persistCredentials: true,
        clean: true,
        filter: undefined,
        sparse: undefined,
        fetchDepth: 1,
        fetchTags: false,
        showProgress: false,
        lfs: false,
        submodules: 'none',
        setSafeDirectory: true,
        allowUnsafePrCheckout: false,
        ...inputs,
      },
      {
        env: env ?? process.env,
        event: { ...event, sha: project.snapshot.commit, ...changes.event },
        temp: this.temp,
        signal: signal ?? new AbortController().signal,
        log: (line) => this.lines.push(line),
        warn: (line) => this.lines.push(line),
        onCredentials: () => {},
        onStaging: (root) => {
          this.stagings.push(root)
          onStaging?.(root)
        },
      },
    )
  }

  /** The error's code; nothing may be left of the attempt. */
  async failing(changes: Changes = {}): Promise<unknown> {
    const before = listTree(this.workspace)
    const error = await this.restore(changes).then(
      () => new Error('it did not fail'),
      (reason: unknown) => reason,
    )
    expect(listTree(this.workspace)).toEqual(before)
    expect(readdirSync(this.temp)).toEqual([])
    return error
  }
}

/** Serves a directory's archive as a snapshot server does. */
async function serveTree(directory: string, headers = {}): Promise<{ server: undefined; url: URL }> {
  const bytes = await buffer(pzstd(tarDirectory(directory), { frameBytes: 64 * 1024 }))
  const server = await startObjectServer({ bytes, headers })
  onTestFinished(() => server.close())
  return { server: undefined, url: new URL(`${server.url}/snapshot.tar.zst`) }
}

/** A clone of the project that the test may change. */
async function changedClone(change: (clone: string) => void): Promise<string> {
  const clone = await cloneOf(project.upstream, temporary())
  change(clone)
  return clone
}

describe('a report', () => {
  it('tells what was done, in numbers that the server has too', async () => {
    const run = new Run()
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
    await expectSameAsClone(run.workspace, project.clone, remoteUrl)
  })

  it('counts what was asked for again and what came twice', async () => {
    const faults: Record<number, Fault> = {
      0: { finAfter: 1000 },
      131072: { resetAfter: 0 },
      262144: { status: 503 },
    }
    project.fault = atFirst((start) => faults[start])
    const run = new Run()
    const report = await run.restore({ chunkBytes: 131_072 })
    await expectSameAsClone(run.workspace, project.clone, remoteUrl)
    expect(report).toMatchObject({
      retries: 3,
      requests: project.server.log.length,
      bytes: project.sentBytes(),
    })
    expect(project.server.log.map(({ range }) => range)).toContain('bytes=1000-131071')
    expect(run.lines).toHaveLength(3)
    for (const line of run.lines) expect(line).toMatch(/; trying again in \d\.\d s$/)
  })
})

it('asks for nothing in ranges that it could not tell apart from another revision’s', async () => {
  for (const etag of [null, 'W/"weak"']) {
    project.fault = () => ({ etag })
    const run = new Run()
    project.server.log.length = 0
    expect((await run.restore()).snapshot?.etag).toBeUndefined()
    expect(project.server.log.map(({ range, state }) => [range, state])).toEqual([
      ['bytes=0-131071', 'aborted'],
      [undefined, 'complete'],
    ])
    await expectSameAsClone(run.workspace, project.clone, remoteUrl)
  }
})

it('goes on where a connection stands still', async () => {
  let stalled = false
  project.fault = ({ start }) => {
    if (start === 0 || stalled) return undefined
    stalled = true
    return { stallAfter: 5000 }
  }
  const run = new Run()
  const { retries } = await run.restore({ concurrency: 2, chunkBytes: 1024 * 1024, stallMs: 200 })
  expect(retries).toBeGreaterThan(0)
  expect(run.lines[0]).toContain('stalled at byte')
  await expectSameAsClone(run.workspace, project.clone, remoteUrl)
})

it('ends with TIMEOUT when the snapshot takes too long, and with the workspace as it was', async () => {
  const never = deferred()
  onTestFinished(() => never.resolve())
  project.fault = ({ start }) => (start > 0 ? { hold: never.promise } : undefined)
  const run = new Run()
  writeFileSync(join(run.workspace, 'mine.txt'), 'mine')
  const error = await run.failing({ timeoutMs: 300 })
  expect(error).toMatchObject({ code: 'TIMEOUT' })
  await project.server.until(() => project.server.active() === 0)
})

it('asks for nothing and writes nothing when it is cancelled already', async () => {
  const reason = new Error('cancelled')
  const run = new Run()
  expect(await run.failing({ signal: AbortSignal.abort(reason) })).toBe(reason)
  expect(project.server.log).toEqual([])
})

it('leaves nothing when it is cancelled while git works', async () => {
  const cancel = new AbortController()
  const reason = new Error('cancelled')
  const run = new Run()
  const bin = temporary()
  // The probe's git is the real one; the first in the tree never ends.
  const script = `#!/bin/sh
    case "$*" in *' init '*|*' version') PATH="${process.env.PATH}" exec git "$@" ;; esac
    echo "$*" > "${bin}/calling"
    mv "${bin}/calling" "${bin}/called"
    exec sleep 600`
  writeFileSync(join(bin, 'git'), script, { mode: 0o755 })
  const watcher = watch(bin, () => existsSync(join(bin, 'called')) && cancel.abort(reason))
  onTestFinished(() => watcher.close())
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` }
  expect(await run.failing({ env, signal: cancel.signal })).toBe(reason)
  expect(readFileSync(join(bin, 'called'), 'utf8')).toContain('rev-parse')
})

it('tells where staging will be before it is there, and nothing to remove while the swap is under way', async () => {
  const run = new Run()
  const told: { readonly root: string; readonly exists: boolean }[] = []
  await run.restore({ onStaging: (root) => told.push({ root, exists: existsSync(root) }) })
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
  await new Run().restore()
  expect(running()).toEqual(before)
  expect(during.length).toBeGreaterThan(before.length)
  project.fault = ({ start }) => (start > 600_000 ? { status: 403 } : undefined)
  expect(await new Run().failing()).toMatchObject({ code: 'ACCESS_DENIED' })
  expect(running()).toEqual(before)
  await project.server.until(() => project.server.active() === 0)
})

it('restores a repository whose objects are named by SHA-256', async () => {
  const place = temporary()
  await git(place, 'init', '--quiet', '--object-format=sha256', '--initial-branch=main', 'source')
  const source = join(place, 'source')
  mkdirSync(join(source, 'src'))
  writeFileSync(join(source, 'src', 'a.ts'), 'export {}\n')
  await git(source, 'add', '.')
  await git(source, 'commit', '--quiet', '--message=First')
  const clone = await cloneOf({ directory: source }, place)
  const commit = await git(clone, 'rev-parse', 'HEAD')
  const run = new Run()
  const served = await serveTree(clone, { 'x-cachew-snapshot-commit': commit })
  const report = await run.restore({ ...served, event: { ...event, sha: commit } })
  expect(report.commit).toBe(commit)
  expect(commit).toHaveLength(64)
  await expectSameAsClone(run.workspace, clone, remoteUrl)
})

it('restores a detached HEAD', async () => {
  const clone = await changedClone(() => {})
  await git(clone, 'checkout', '--quiet', '--detach', 'HEAD^')
  const commit = await git(clone, 'rev-parse', 'HEAD')
  const run = new Run()
  expect((await run.restore({ ...(await serveTree(clone)), ref: commit })).commit).toBe(commit)
  expect(await git(run.workspace, 'rev-parse', '--abbrev-ref', 'HEAD')).toBe('HEAD')
  expect(await git(run.workspace, 'status', '--porcelain')).toBe('')
})

it('makes good what the archive has otherwise than its commit', async () => {
  const clone = await changedClone((tree) => {
    writeFileSync(join(tree, 'src', 'new.ts'), 'export const answer = 43\n')
    rmSync(join(tree, 'src', 'empty.ts'))
    writeFileSync(join(tree, 'extra.txt'), 'extra')
  })
  const run = new Run()
  await run.restore(await serveTree(clone))
  expect(await git(run.workspace, 'status', '--porcelain')).toBe('')
  expect(listTree(run.workspace, { without: '.git' })).toEqual(listTree(project.clone, { without: '.git' }))
})

it('brings no file that no commit knows into a workspace, even where those that are there stay', async () => {
  const clone = await changedClone((tree) => writeFileSync(join(tree, 'extra.txt'), 'extra'))
  const run = new Run()
  await run.restore({ ...(await serveTree(clone)), clean: false })
  expect(await git(run.workspace, 'status', '--porcelain')).toBe('')
})

it.each(['d', 'd/a.txt'])('does not take another object for that of %s', async (path) => {
  const source = temporary()
  await git(source, 'init', '--quiet', '--initial-branch=main')
  mkdirSync(join(source, 'd'))
  const content = join(source, 'd', 'a.txt')
  writeFileSync(content, 'good')
  await git(source, 'add', '.')
  await git(source, 'commit', '--quiet', '--message=One')
  const commit = await git(source, 'rev-parse', 'HEAD')
  const good = await git(source, 'rev-parse', `HEAD:${path}`)
  writeFileSync(content, 'evil')
  await git(source, 'add', '.')
  const evil = await git(source, 'rev-parse', `${await git(source, 'write-tree')}:${path}`)
  const loose = (id: string) => join(source, '.git', 'objects', id.slice(0, 2), id.slice(2))
  rmSync(loose(good))
  copyFileSync(loose(evil), loose(good))
  const run = new Run()
  const served = { ...(await serveTree(source)), event: { ...event, sha: commit } }
  expect(await run.failing(served)).toMatchObject({ code: 'UNSAFE_GIT' })
})

it('takes no setting and no hook from the archive', async () => {
  const clone = await changedClone((tree) => {
    writeFileSync(join(tree, '.git', 'config'), `[core]\n\tfsmonitor = touch ${tree}/ran\n\tbare = false\n`)
    mkdirSync(join(tree, '.git', 'hooks'), { recursive: true })
    writeFileSync(join(tree, '.git', 'hooks', 'post-index-change'), `#!/bin/sh\ntouch ${tree}/ran\n`, {
      mode: 0o755,
    })
  })
  const run = new Run()
  await run.restore(await serveTree(clone))
  await expectSameAsClone(run.workspace, project.clone, remoteUrl)
  expect(existsSync(join(clone, 'ran'))).toBe(false)
  expect(existsSync(join(run.workspace, '.git', 'hooks'))).toBe(false)
})
