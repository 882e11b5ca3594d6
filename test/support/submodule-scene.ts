import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Context } from '../../src/job.ts'
import type { Report } from '../../src/report/report.ts'
import { restore } from '../../src/restore.ts'
import { type Forge, startForge } from './forge.ts'
import { type FileChange, gitEnvironment, type Upstream } from './git-repo.ts'
import { contextOf, inputsOf } from './restore-arguments.ts'
import type { LoggedRequest } from './scripted-server.ts'
import { change, commitSubmodules, type Submodule } from './site.ts'
import { temporary } from './temporary.ts'

/** A forge with `octo/project`, whose submodules have snapshots of their own, and a place for a job. */
export class SubmoduleScene {
  readonly forge: Forge
  readonly project: Upstream
  readonly workspace = join(temporary(), 'workspace')
  readonly temp = temporary()
  /** What it said, but for how far it was: how often that comes is up to the machine. */
  readonly lines: string[] = []
  readonly warnings: string[] = []

  static async create(): Promise<SubmoduleScene> {
    const forge = await startForge()
    onTestFinished(() => forge.close())
    return new SubmoduleScene(
      forge,
      await forge.makeRepository('octo/project', { history: [change('project.txt')] }),
    )
  }

  private constructor(forge: Forge, project: Upstream) {
    this.forge = forge
    this.project = project
    mkdirSync(this.workspace)
  }

  /** A repository `octo/<name>` that has a snapshot, of a file called after it unless something else is said. */
  async library(name: string, changes: FileChange[] = change(`${name}.txt`)): Promise<Upstream> {
    const library = await this.forge.makeRepository(`octo/${name}`, { history: [changes] })
    await this.forge.snapshot(library)
    return library
  }

  /** Commits submodules by their addresses, each at its library's `main`, and has the snapshot made. */
  async commit(
    submodules: Readonly<Record<string, { readonly of: Upstream; readonly url: string }>>,
    superproject = this.project,
  ): Promise<string> {
    const named = Object.entries(submodules).map(
      async ([path, { of, url }]): Promise<Submodule> => ({
        path,
        url,
        commit: await of.git('rev-parse', 'main'),
      }),
    )
    const commit = await commitSubmodules(superproject, await Promise.all(named))
    await this.forge.snapshot(superproject)
    return commit
  }

  restore(
    commit: string,
    inputs: Readonly<Record<string, string>> = {},
    context: Partial<Context> = {},
  ): Promise<Report> {
    const { github, snapshots, token } = this.forge
    const said = {
      'github-server-url': github.url,
      server: snapshots.url,
      token,
      submodules: 'true',
      'chunk-size': '64KiB',
      'on-miss': 'fail',
      'show-progress': 'false',
      ...inputs,
    }
    return restore(
      inputsOf(this.workspace, said),
      contextOf(commit, {
        temp: this.temp,
        env: gitEnvironment,
        log: (line) => line.startsWith('Received ') || this.lines.push(line),
        warn: (line) => this.warnings.push(line),
        ...context,
      }),
    )
  }

  /** What of the snapshot server was asked for a library's snapshot. */
  requestsFor(name: string): LoggedRequest[] {
    const path = this.forge.snapshots.snapshotPath(`octo/${name}`, this.forge.github.host)
    return this.forge.snapshots.log.filter((request) => request.path === path)
  }

  /** How often git asked the GitHub server for a library: twice to look at its refs, and more to fetch. */
  gitRequestsFor(name: string): number {
    return this.forge.github.log.filter(
      ({ path }) => path.startsWith(`/octo/${name}/`) || path.startsWith(`/octo/${name}.git/`),
    ).length
  }

  in(...names: string[]): string {
    return join(this.workspace, ...names)
  }
}
