import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Report } from '../../src/report/report.ts'
import { restore } from '../../src/restore.ts'
import { contextOf, inputsOf } from '../support/restore-arguments.ts'
import { temporary } from '../support/temporary.ts'
import { listTree } from '../support/working-copy.ts'

/** The commit that a job wants where no commit matters. */
export const NO_COMMIT = 'c0ffee'.repeat(7).slice(0, 40)

/** A whole step in a workspace that holds files of the user's. */
export class Step {
  /** Holds all the others. */
  readonly directory = temporary()
  readonly workspace = join(this.directory, 'work')
  readonly temp = join(this.directory, 'temp')
  readonly outside = join(this.directory, 'outside')

  constructor() {
    for (const directory of [this.workspace, this.temp, this.outside]) mkdirSync(directory)
    writeFileSync(join(this.outside, 'secret'), 'secret', { mode: 0o600 })
    mkdirSync(join(this.workspace, 'kept'))
    writeFileSync(join(this.workspace, 'kept', 'file'), 'of the user', { mode: 0o640 })
  }

  /** Everything there is, staging included. */
  get state(): readonly string[] {
    return listTree(this.directory)
  }

  /** Restores the snapshot at this address, as `main` would; inputs by their names in action.yml. */
  run(url: string, given: Readonly<Record<string, string>> = {}, sha = NO_COMMIT): Promise<Report> {
    const inputs = inputsOf(this.workspace, { 'on-miss': 'fail', url, ...given })
    return restore(inputs, contextOf(sha, { temp: this.temp }))
  }
}
