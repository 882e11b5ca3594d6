import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { parseInputs } from '../../src/inputs.ts'
import type { Context } from '../../src/job.ts'
import type { Report } from '../../src/report.ts'
import { restore } from '../../src/restore.ts'
import { readActionMetadata } from '../support/action-metadata.ts'
import { listTree } from '../support/working-copy.ts'

const { defaults } = readActionMetadata(join(import.meta.dirname, '../../action.yml'))
/** Those that the runner fills in are found in the environment too. */
const literal = [...defaults].filter(([, value]) => !value.startsWith('${{'))

/** The commit that a job wants where no commit matters. */
export const NO_COMMIT = 'c0ffee'.repeat(7).slice(0, 40)

/** A whole step in a workspace that holds files of the user's. */
export class Step {
  /** Holds all the others. */
  readonly directory: string
  readonly workspace: string
  readonly temp: string
  readonly outside: string

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'step-'))
    onTestFinished(() => rmSync(this.directory, { recursive: true, force: true }))
    const place = (name: string): string => join(this.directory, name)
    this.workspace = place('work')
    this.temp = place('temp')
    this.outside = place('outside')
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
    const inputs = new Map([...literal, ...Object.entries({ 'on-miss': 'fail', url, ...given })])
    const env = {
      ...process.env,
      GITHUB_WORKSPACE: this.workspace,
      GITHUB_REPOSITORY: 'octo/project',
      GITHUB_SERVER_URL: 'https://github.com',
      CACHEW_URL: '',
      GIT_SNAPSHOT_DISABLE: '',
    }
    const context: Context = {
      env,
      event: { name: 'push', ref: 'refs/heads/main', repository: 'octo/project', sha, payload: {} },
      temp: this.temp,
      signal: new AbortController().signal,
      log: () => {},
      warn: () => {},
      onStaging: () => {},
      onCredentials: () => {},
    }
    return restore(
      parseInputs((name) => inputs.get(name) ?? '', env),
      context,
    )
  }
}
