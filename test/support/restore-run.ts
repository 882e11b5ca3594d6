import type { Inputs } from '../../src/inputs.ts'
import type { Context } from '../../src/job.ts'
import type { Report } from '../../src/report/report.ts'
import { restore } from '../../src/restore.ts'
import { failureOf } from './failing-step.ts'
import { contextOf, inputsOf } from './restore-arguments.ts'
import type { ServedProject } from './served-project.ts'
import { temporary } from './temporary.ts'

/** One restore of the project within this process, in directories of its own. */
export class Run {
  readonly workspace = temporary()
  readonly temp = temporary()
  readonly lines: string[] = []
  readonly #project: ServedProject
  readonly #commit: string

  /** The commit is the one that the job is about. */
  constructor(project: ServedProject, commit = project.snapshot.commit) {
    this.#project = project
    this.#commit = commit
  }

  restore(inputs: Partial<Inputs> = {}, context: Partial<Context> = {}): Promise<Report> {
    const said = {
      server: this.#project.server.url,
      concurrency: '4',
      'chunk-size': '128KiB',
      timeout: '0',
      'on-miss': 'fail',
      'show-progress': 'false',
    }
    const log = (line: string) => this.lines.push(line)
    const source = inputs.url === undefined ? {} : ({ source: 'url' } as const)
    return restore(
      { ...inputsOf(this.workspace, said), ...source, ...inputs },
      contextOf(this.#commit, { temp: this.temp, log, warn: log, ...context }),
    )
  }

  /** The error of a restore that changes and leaves nothing. */
  failing(...changes: Parameters<Run['restore']>): Promise<unknown> {
    return failureOf(this, () => this.restore(...changes))
  }
}
