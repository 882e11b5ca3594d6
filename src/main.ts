import {
  debug,
  getInput,
  getState,
  info,
  saveState,
  setFailed,
  setOutput,
  setSecret,
  warning,
} from '@actions/core'
import { ActionError, describeError } from './errors.ts'
import { removeCredentials } from './git/credentials.ts'
import { parseInputs } from './inputs.ts'
import { readJobEvent } from './job-event.ts'
import { lineOf, outputsOf } from './report.ts'
import { restore } from './restore.ts'
import { sanitize } from './sanitize.ts'
import { secretsOf } from './secrets.ts'
import { removeStaging } from './unpack/staging.ts'

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

/** The step itself. */
async function main(): Promise<void> {
  const inputs = parseInputs((name) => getInput(name, { trimWhitespace: false }), process.env)
  secretsOf(inputs, process.env).forEach(setSecret)
  const report = await restore(inputs, {
    env: process.env,
    event: await readJobEvent(process.env),
    temp: process.env.RUNNER_TEMP ?? inputs.workspace,
    signal: cancellation(),
    log: (line) => info(sanitize(line)),
    warn: (line) => warning(sanitize(line, 1000)),
    onStaging: (root) => saveState('staging', root),
    onCredentials: (state) => saveState('credentials', state),
  })
  for (const [name, value] of Object.entries(outputsOf(report))) setOutput(name, value)
  info(lineOf(report))
}

/** After the job: credentials, what was there before the restore, and what a killed step left, are removed. */
async function post(): Promise<void> {
  const [credentials, staging] = [getState('credentials'), getState('staging')]
  if (credentials !== '') {
    await orWarn('could not remove the credentials', removeCredentials(credentials, process.env))
  }
  if (staging !== '') await orWarn(`could not remove ${staging}`, removeStaging(staging))
}

async function orWarn(what: string, work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    warning(sanitize(`${what}: ${describeError(error)}`))
  }
}

/** Aborted when the runner cancels the job; at the second signal the process ends at once. */
function cancellation(): AbortSignal {
  const cancelled = new AbortController()
  for (const [name, exitCode] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (cancelled.signal.aborted) process.exit(exitCode)
      cancelled.abort(new ActionError('CANCELLED', `cancelled by ${name}`))
      process.exitCode = exitCode
    })
  }
  return cancelled.signal
}

async function run(): Promise<void> {
  // Whoever reads the log may go away: no reason to leave a restore half done.
  process.stdout.on('error', () => {})
  if (getState('isPost') === 'true') return post()
  saveState('isPost', 'true')
  try {
    await main()
  } catch (error) {
    const exitCode = process.exitCode
    setFailed(sanitize(describeError(error), 2000))
    process.exitCode = exitCode ?? 1
    if (error instanceof Error) debug(sanitize(error.stack ?? '', 10_000))
  }
}

await run()
