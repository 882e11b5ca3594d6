import { join } from 'node:path'
import { expect } from 'vitest'
import type { Environment } from '../../src/environment.ts'
import { describeError } from '../../src/errors.ts'
import type { Inputs } from '../../src/inputs.ts'
import { outputsOf, type Report } from '../../src/report/report.ts'
import { restore } from '../../src/restore.ts'
import type { CachedProject } from './cached-project.ts'
import { failureOf } from './failing-step.ts'
import { git, gitEnvironment } from './git-repo.ts'
import { contextOf, inputsOf } from './restore-arguments.ts'
import { temporary } from './temporary.ts'
import { listTree } from './working-copy.ts'

export interface CachedJob {
  /** What the workflow says. */
  readonly inputs?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string | undefined>>
  /** @default 'snapshot' */
  readonly commit?: keyof CachedProject['commits']
  /** @default 'refs/heads/main' */
  readonly ref?: string
  readonly payload?: Readonly<Record<string, unknown>>
}

/** One restore of the project within this process, in directories of its own, with no server but the Actions cache. */
export class CachedRun {
  readonly workspace = temporary()
  readonly temp = temporary()
  readonly lines: string[] = []
  readonly warnings: string[] = []
  readonly secrets: string[] = []
  readonly #project: CachedProject

  constructor(project: CachedProject) {
    this.#project = project
  }

  /** What is secret is told to nobody, in whatever test. */
  async restore(job: CachedJob = {}): Promise<Report> {
    const { commit = 'snapshot', ref = 'refs/heads/main', payload } = job
    const env = { ...gitEnvironment, ...this.#project.service.env, ...job.env }
    const context = contextOf(this.#project.commits[commit], {
      temp: this.temp,
      env,
      log: (line) => this.lines.push(line),
      warn: (line) => this.warnings.push(line),
      onSecret: (text) => this.secrets.push(text),
    })
    const default_branch = 'main'
    const event = { ...context.event, ref, payload: { repository: { default_branch }, ...payload } }
    try {
      const report = await restore(this.#inputs(job, env), { ...context, event })
      this.#expectKept(JSON.stringify([report, outputsOf(report)]))
      return report
    } catch (error) {
      this.#expectKept(describeError(error))
      throw error
    }
  }

  /** The error of a restore that changes and leaves nothing. */
  failing(job: CachedJob): Promise<unknown> {
    return failureOf(this, () => this.restore(job))
  }

  /** Expects the workspace to be exactly the commit, and git to think so. */
  async expectExact(at: CachedJob['commit'] = 'snapshot'): Promise<void> {
    const { workspace } = this
    const commit = this.#project.commits[at]
    expect(await git(workspace, 'rev-parse', 'HEAD')).toBe(commit)
    expect(await git(workspace, 'status', '--porcelain', '--ignored')).toBe('')
    expect(await git(workspace, 'fsck', '--strict', '--no-dangling', '--no-progress')).toBe('')
    const reference = join(temporary(), 'reference')
    await git(workspace, 'clone', '--quiet', this.#project.upstream.directory, reference)
    await git(reference, 'checkout', '--quiet', commit)
    expect(listTree(workspace, { without: '.git' })).toEqual(listTree(reference, { without: '.git' }))
  }

  #inputs({ inputs }: CachedJob, env: Environment): Inputs {
    const { forge } = this.#project
    const said = {
      'github-server-url': forge.github.url,
      token: forge.token,
      'persist-credentials': 'false',
      'show-progress': 'false',
      concurrency: '4',
      'chunk-size': '128KiB',
      timeout: '0',
      'on-miss': 'fail',
      ...inputs,
    }
    return inputsOf(this.workspace, said, env)
  }

  #expectKept(told: string): void {
    const { service, store, forge } = this.#project
    const runtimeToken = service.env.ACTIONS_RUNTIME_TOKEN ?? ''
    const signatures = this.secrets.filter((secret) => secret.length >= 40)
    const words = [...this.lines, ...this.warnings, told].join('\n')
    const asked = JSON.stringify([store.log.map(({ headers }) => headers), forge.github.log])
    for (const secret of [runtimeToken, ...signatures]) {
      expect(words).not.toContain(secret)
      expect(asked).not.toContain(secret)
    }
    expect(store.log.filter(({ headers }) => 'authorization' in headers)).toEqual([])
  }
}
