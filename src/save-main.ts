import { getInput, info, notice, setOutput, setSecret } from '@actions/core'
import { readJobEvent } from './job-event.ts'
import { cancellation, runStep } from './runner-step.ts'
import { sanitize } from './sanitize.ts'
import { parseSaveInputs } from './save/inputs.ts'
import { saveLine, saveOutputs } from './save/report.ts'
import { scopeNotice } from './save/scope.ts'
import { save } from './save.ts'
import { secretsOf } from './secrets.ts'
import { CACHED_FILE } from './snapshot/actions-cache.ts'

const signal = cancellation()

/** What one system saves, all can restore. */
const FOR_ALL_SYSTEMS = true

async function main(): Promise<void> {
  const inputs = parseSaveInputs((name) => getInput(name, { trimWhitespace: false }), process.env)
  secretsOf(inputs, process.env).forEach(setSecret)
  const event = await readJobEvent(process.env)
  const report = await save(inputs, {
    env: { ...process.env },
    event,
    temp: process.env.RUNNER_TEMP ?? inputs.workspace,
    signal,
    log: (line) => info(sanitize(line)),
    onSecret: setSecret,
    saveCache,
  })
  for (const [name, value] of Object.entries(saveOutputs(report))) setOutput(name, value)
  info(sanitize(saveLine(report)))
  const told = scopeNotice(event, report)
  if (told !== undefined) notice(sanitize(told))
}

/**
 * The toolkit finds the file from the working directory, calls it in its archive as it lies in the workspace, and
 * leaves a directory where temporary files are: all of that is the one that is removed afterwards.
 */
async function saveCache(directory: string, key: string): Promise<boolean> {
  const { saveCache: toolkitSave } = await import('@actions/cache')
  const workingDirectory = process.cwd()
  process.chdir(directory)
  Object.assign(process.env, { GITHUB_WORKSPACE: directory, RUNNER_TEMP: directory })
  try {
    return (await toolkitSave([CACHED_FILE], key, undefined, FOR_ALL_SYSTEMS)) !== -1
  } finally {
    // Windows does not remove the working directory of a process.
    process.chdir(workingDirectory)
  }
}

await runStep(main)
// An upload of the toolkit would go on, and with it the process.
if (signal.aborted) process.exit()
