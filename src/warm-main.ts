import { getInput, info, notice, setOutput, setSecret, warning } from '@actions/core'
import { readJobEvent } from './job-event.ts'
import { cancellation, runStep } from './runner-step.ts'
import { toolCacheIn } from './runner-tool-cache.ts'
import { sanitize } from './sanitize.ts'
import { secretsOf } from './secrets.ts'
import { wait } from './source/patience.ts'
import { parseWarmInputs } from './warm/inputs.ts'
import { warmLine, warmOutputs } from './warm/report.ts'
import { warm } from './warm.ts'

async function main(): Promise<void> {
  const inputs = parseWarmInputs((name) => getInput(name, { trimWhitespace: false }), process.env)
  secretsOf(inputs, process.env).forEach(setSecret)
  const report = await warm(inputs, {
    env: process.env,
    event: await readJobEvent(process.env),
    temp: process.env.RUNNER_TEMP ?? process.cwd(),
    now: Date.now,
    wait,
    signal: cancellation(),
    log: (line) => info(sanitize(line)),
    onSecret: setSecret,
    warn: (line) => warning(sanitize(line, 1000)),
    toolCache: toolCacheIn,
  })
  for (const [name, value] of Object.entries(warmOutputs(report))) setOutput(name, value)
  const say = report.finding.kind === 'missing' ? notice : info
  say(sanitize(warmLine(report), 1000))
}

await runStep(main)
