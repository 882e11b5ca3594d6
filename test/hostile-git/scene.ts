import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterEach, beforeAll, expect } from 'vitest'
import type { ObjectFormat } from '../../src/git/index-entries.ts'
import { settingsEnvironment } from '../../src/git/settings.ts'
import type { Report } from '../../src/report/report.ts'
import { restore } from '../../src/restore.ts'
import { pzstd, tarDirectory } from '../support/archive.ts'
import { type Forge, startForge } from '../support/forge.ts'
import { git, gitEnvironment, patternBytes, type Upstream } from '../support/git-repo.ts'
import { basicCredential } from '../support/github-server.ts'
import { contextOf, inputsOf } from '../support/restore-arguments.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { listTree } from '../support/working-copy.ts'
import { Canary } from './canary.ts'

/** What the commits have for a planted filter, driver or merge to be used on. */
const ATTRIBUTES = '*.txt filter=planted diff=planted merge=planted\n'

export interface Restored {
  readonly workspace: string
  readonly report: Report
  readonly lines: readonly string[]
  readonly warnings: readonly string[]
}

interface Asked {
  /** @default a new directory */
  readonly workspace?: string
  /** @default the newer commit */
  readonly commit?: string
  /** What the event is about. Default `main`. */
  readonly ref?: string
  readonly inputs?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
}

/**
 * A repository with a snapshot that is older than the commit that jobs want. To get there a step tries everything,
 * unless it is told otherwise: the bundle is damaged, the server's git fails, and the origin has the commit.
 */
export class Scene {
  forge!: Forge
  upstream!: Upstream
  canary!: Canary
  /** The snapshot's commit, the one before it, and the wanted one. */
  commits!: { readonly before: string; readonly snapshot: string; readonly wanted: string }
  /** A clone at the snapshot's commit. */
  clone!: string
  #root!: string
  #places = 0

  /** There is nothing of the scene before. */
  async start(objectFormat: ObjectFormat): Promise<void> {
    this.#root = await realpath(await mkdtemp(join(tmpdir(), 'hostile-git-')))
    this.forge = await startForge()
    this.upstream = await this.forge.makeRepository('octo/project', { history: HISTORY, objectFormat })
    await this.forge.snapshot(this.upstream)
    this.clone = await this.cloned()
    const snapshot = await git(this.clone, 'rev-parse', 'HEAD')
    const before = await git(this.clone, 'rev-parse', 'HEAD~1')
    const wanted = await this.upstream.commit([
      { path: 'a.txt', content: 'third\n' },
      { path: 'large.bin', content: Buffer.concat([LARGE, Buffer.from('and on\n')]) },
    ])
    this.commits = { before, snapshot, wanted }
    this.canary = await Canary.create(join(this.#root, 'canary'))
  }

  get originUrl(): string {
    return `${this.forge.github.url}/octo/project`
  }

  /** A directory that is not there yet. */
  place(name: string): string {
    this.#places += 1
    return join(this.#root, `${name}-${this.#places}`)
  }

  /** A clone of the repository as it is now, as the archive of a snapshot has it. */
  async cloned(): Promise<string> {
    const clone = this.place('clone')
    await git(this.#root, 'clone', '--quiet', `file://${this.upstream.directory}`, clone)
    await git(clone, 'remote', 'set-url', 'origin', this.originUrl)
    return clone
  }

  async copyOf(directory: string): Promise<string> {
    const copy = this.place('copy')
    await cp(directory, copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
    return copy
  }

  /** Makes the server answer with an archive of this directory, which is of `commit`, and err with all else by script. */
  async serve(
    directory: string,
    others: FaultScript = noWayOn,
    commit = this.commits.snapshot,
  ): Promise<void> {
    const object = await buffer(pzstd(tarDirectory(directory), { frameBytes: 256 * 1024 }))
    const headers = { 'x-cachew-snapshot-commit': commit }
    this.forge.faults.snapshots = (request) =>
      request.path.endsWith('/snapshot.tar.zst') ? { object, headers } : others(request)
  }

  async restore(asked: Asked = {}): Promise<Restored> {
    const { workspace = this.place('workspace'), ref = 'refs/heads/main', inputs, env } = asked
    const { github, snapshots } = this.forge
    const temp = this.place('temp')
    await Promise.all([mkdir(workspace, { recursive: true }), mkdir(temp)])
    const said = {
      'github-server-url': github.url,
      server: snapshots.url,
      token: this.forge.token,
      'persist-credentials': 'false',
      'show-progress': 'false',
      concurrency: '2',
      ...inputs,
    }
    const [lines, warnings]: [string[], string[]] = [[], []]
    const context = contextOf(asked.commit ?? this.commits.wanted, {
      temp,
      env: { ...gitEnvironment, ...env },
      log: (line) => lines.push(line),
      warn: (line) => warnings.push(line),
    })
    const event = { ...context.event, ref }
    const report = await restore(inputsOf(workspace, said), { ...context, event })
    return { workspace, report, lines, warnings }
  }

  /** A workspace as a job before leaves it, in which this commit was restored from an archive of this directory. */
  async leave(directory = this.clone, commit = this.commits.snapshot): Promise<string> {
    await this.serve(directory, noWayOn, commit)
    const { workspace, report } = await this.restore({ commit })
    expect(report.outcome).toBe('restored')
    return workspace
  }

  /** Runs plain git, as a later step of the job might; whether it does well is no matter. */
  async plainly(
    directory: string,
    commands: readonly (readonly string[])[],
    access: 'token' | 'anonymous' = 'token',
  ): Promise<void> {
    const header = `AUTHORIZATION: basic ${basicCredential(this.forge.token)}`
    const key = `http.${this.forge.github.url}/.extraheader`
    const settings = access === 'token' ? settingsEnvironment([[key, header]], gitEnvironment) : {}
    const place = { cwd: directory, env: { ...gitEnvironment, ...settings } }
    for (const args of commands) {
      const running = promisify(execFile)('git', args, place)
      running.child.stdin?.end()
      await running.catch(() => {})
    }
  }

  /** Expects the step to fail with this code and these words, and the workspace to be as it was. */
  async expectFailure(asked: Asked, code: string, words: RegExp): Promise<void> {
    const workspace = asked.workspace ?? this.place('workspace')
    await mkdir(workspace, { recursive: true })
    await writeFile(join(workspace, 'mine.txt'), 'mine')
    const before = listTree(workspace)
    const failure = this.restore({ ...asked, workspace })
    await expect(failure).rejects.toMatchObject({ code, message: expect.stringMatching(words) })
    expect(listTree(workspace)).toEqual(before)
  }

  /** Expects the tree to be exactly the commit's, and git to think so. */
  async expectCommit(workspace: string, commit = this.commits.wanted): Promise<void> {
    expect(await git(workspace, 'rev-parse', 'HEAD')).toBe(commit)
    expect(await git(workspace, 'status', '--porcelain', '--ignored')).toBe('')
    const reference = this.place('reference')
    await git(this.#root, 'clone', '--quiet', this.upstream.directory, reference)
    await git(reference, 'checkout', '--quiet', commit)
    expect(listTree(workspace, { without: '.git' })).toEqual(listTree(reference, { without: '.git' }))
  }

  async close(): Promise<void> {
    await Promise.all([this.forge.close(), this.canary.close()])
    await rm(this.#root, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** One for all tests of a block; its canary has seen nothing when a test begins. */
export function useScene(objectFormat: ObjectFormat = 'sha1'): Scene {
  const scene = new Scene()
  beforeAll(async () => {
    await scene.start(objectFormat)
    return () => scene.close()
  })
  afterEach(() => scene.canary.reset())
  return scene
}

/** The bundle is damaged, and the server's git fails. */
export const noWayOn: FaultScript = ({ path }) => {
  if (path.endsWith('/snapshot.bundle')) return { flipAt: 200 }
  return /\/(info\/refs|git-upload-pack)$/.test(path) ? { status: 500 } : undefined
}

/** So much that its next version is sent as a difference. */
const LARGE = patternBytes(20_000)

const HISTORY = [
  [
    { path: '.gitattributes', content: ATTRIBUTES },
    { path: 'README.md', content: '# A project\n' },
    { path: 'a.txt', content: 'first\n' },
    { path: 'src/main.ts', content: "console.log('hello')\n" },
    { path: 'bin/run', content: '#!/bin/sh\n', kind: 'executable' as const },
  ],
  [
    { path: 'a.txt', content: 'second\n' },
    { path: 'b.txt', content: 'b\n' },
    { path: 'large.bin', content: LARGE },
  ],
]
