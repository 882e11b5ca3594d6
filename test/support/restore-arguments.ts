import { join } from 'node:path'
import type { Environment } from '../../src/environment.ts'
import { type Inputs, parseInputs } from '../../src/inputs.ts'
import type { Context } from '../../src/job.ts'
import { inputReader, readActionMetadata } from './action-metadata.ts'

const { defaults } = readActionMetadata(join(import.meta.dirname, '..', '..', 'action.yml'))

/** What expressions stand for in a job of `octo/project`. */
export const EXPRESSED = { repository: 'octo/project', 'github-server-url': 'https://github.com', token: '' }

/** The inputs of a job of `octo/project` whose workflow says these; all others are as action.yml has them. */
export function inputsOf(
  workspace: string,
  said: Readonly<Record<string, string>>,
  env: Environment = {},
): Inputs {
  return parseInputs(inputReader(defaults, { ...EXPRESSED, ...said }), {
    ...env,
    GITHUB_WORKSPACE: workspace,
  })
}

/** What a step is given after a push of this commit to `main`; nobody hears what it says, unless told otherwise. */
export function contextOf(sha: string, given: Pick<Context, 'temp'> & Partial<Context>): Context {
  return {
    env: process.env,
    event: { name: 'push', ref: 'refs/heads/main', repository: 'octo/project', sha, payload: {} },
    signal: new AbortController().signal,
    log: () => {},
    stages: { begun: () => {}, ended: () => {} },
    onFailure: () => {},
    warn: () => {},
    onSecret: () => {},
    toolCache: () => Promise.reject(new Error('no job of a test keeps snapshots')),
    onStaging: () => {},
    onCredentials: () => {},
    ...given,
  }
}
