import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, beforeEach } from 'vitest'
import type { JobEvent } from '../../src/git/wanted.ts'
import type { Report } from '../../src/report/report.ts'
import { restore } from '../../src/restore.ts'
import { parseSaveInputs } from '../../src/save/inputs.ts'
import type { SaveReport } from '../../src/save/report.ts'
import { type SaveContext, save } from '../../src/save.ts'
import { CACHED_FILE } from '../../src/snapshot/actions-cache.ts'
import { readActionMetadata } from './action-metadata.ts'
import { ask } from './ask.ts'
import { type Azurite, startAzurite } from './azurite.ts'
import { type CacheService, startCacheService } from './cache-service.ts'
import { type Forge, startForge } from './forge.ts'
import { git, gitEnvironment, type Upstream } from './git-repo.ts'
import { makePlace, type Place } from './place.ts'
import { contextOf, inputsOf } from './restore-arguments.ts'
import type { FaultScript } from './scripted-server.ts'
import { temporary } from './temporary.ts'
import { toolkitIn } from './toolkit-cache.ts'

const { defaults } = readActionMetadata(join(import.meta.dirname, '..', '..', 'save', 'action.yml'))

/** What a job says, and what it is about; default a push of the newest commit to `main`. */
export interface Saving {
  readonly inputs?: Readonly<Record<string, string>>
  readonly event?: Partial<JobEvent>
  readonly context?: Partial<SaveContext>
}

/** A repository `octo/project` at a GitHub server, and an empty Actions cache over a real blob store. */
export class SaveScene {
  azurite!: Azurite
  forge!: Forge
  upstream!: Upstream
  /** The newest one of `main`. */
  commit!: string
  service!: CacheService
  /** Empty directories of the runner. */
  place!: Place
  /** What goes wrong at the cache service. */
  fault: FaultScript | undefined
  /** What steps have said. */
  lines!: string[]
  secrets!: string[]
  /** The keys that @actions/cache was told to save. */
  handed!: string[]

  get originUrl(): string {
    return `${this.forge.github.url}/octo/project`
  }

  get env(): Readonly<Record<string, string>> {
    return { ...gitEnvironment, ...this.service.env, RUNNER_TEMP: this.place.temp }
  }

  async start(azurite: Azurite): Promise<() => Promise<void>> {
    this.azurite = azurite
    this.forge = await startForge()
    this.fault = undefined
    this.upstream = await this.forge.makeRepository('octo/project')
    this.commit = await this.upstream.git('rev-parse', 'main')
    this.service = await startCacheService({ store: azurite, fault: (request) => this.fault?.(request) })
    this.place = makePlace()
    for (const told of ['lines', 'secrets', 'handed'] as const) this[told] = []
    return async () => {
      await Promise.all([this.forge.close(), this.service.close()])
    }
  }

  /** Puts a clone of the repository as it is now into the workspace. */
  async cloneIntoWorkspace(): Promise<void> {
    await git(this.place.workspace, 'clone', '--quiet', `file://${this.upstream.directory}`, '.')
    await git(this.place.workspace, 'remote', 'set-url', 'origin', this.originUrl)
  }

  save({ inputs, event, context }: Saving = {}): Promise<SaveReport> {
    const { workspace, temp } = this.place
    const { github, token } = this.forge
    const said: Readonly<Record<string, string>> = {
      ...Object.fromEntries(defaults),
      ...{ repository: 'octo/project', 'github-server-url': github.url, token },
      ...inputs,
    }
    const { event: push, signal } = contextOf(this.commit, { temp })
    return save(
      parseSaveInputs((name) => said[name] ?? '', { GITHUB_WORKSPACE: workspace }),
      {
        env: this.env,
        event: { ...push, ...event },
        temp,
        signal,
        log: (line) => this.lines.push(line),
        onSecret: (text) => this.secrets.push(text),
        saveCache: (directory, key) => this.handOver(directory, key),
        ...context,
      },
    )
  }

  async handOver(directory: string, key: string): Promise<boolean> {
    this.handed.push(key)
    return (await toolkitIn(directory, this.service).save(CACHED_FILE, key)) !== -1
  }

  /** Restores into a new workspace what the cache has, for a job about this commit of `main`. */
  async restore(
    said: Readonly<Record<string, string>> = {},
    commit = this.commit,
  ): Promise<{ readonly workspace: string; readonly report: Report }> {
    const { workspace, temp } = makePlace()
    const { github, token } = this.forge
    const own = { source: 'actions-cache', 'github-server-url': github.url, token, 'on-miss': 'fail' }
    const inputs = inputsOf(workspace, { ...own, 'persist-credentials': 'false', ...said })
    const report = await restore(inputs, contextOf(commit, { temp, env: this.env }))
    return { workspace, report }
  }

  /** The archive that @actions/cache made of what was saved last. */
  async outerArchive(): Promise<Buffer> {
    const blob = this.service.entries.at(-1)?.blob ?? ''
    const { body } = await ask(this.azurite.sign(blob, 'r', 60_000))
    return execFileSync('zstd', ['-dcq'], { input: body, maxBuffer: 1 << 30 })
  }

  /** The archive that was saved last, no longer compressed; and a new directory with what tar makes of it. */
  async archive(): Promise<{ readonly bytes: Buffer; readonly directory: string }> {
    const input = await this.outerArchive()
    const options = { maxBuffer: 1 << 30 }
    const packed = execFileSync('tar', ['-xO', CACHED_FILE], { input, ...options })
    const bytes = execFileSync('zstd', ['-dcq'], { input: packed, ...options })
    const directory = join(temporary(), 'unpacked')
    mkdirSync(directory)
    execFileSync('tar', ['-xpf', '-', '-C', directory], { input: bytes })
    return { bytes, directory }
  }
}

/** One of its own for each test of a file, with a blob store for all of them. */
export function useSaveScene(): SaveScene {
  const scene = new SaveScene()
  let azurite: Azurite
  beforeAll(async () => {
    azurite = await startAzurite()
    return () => azurite.close()
  })
  beforeEach(() => scene.start(azurite))
  return scene
}
