import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { deferred } from './deferred.ts'
import { type RunOptions, type RunResult, runAction } from './runner.ts'
import { temporary } from './temporary.ts'

/** The built bundle, as action.yml names it. */
const bundle = join(import.meta.dirname, '..', '..', 'dist', 'index.js')

/** Runs the built action as the runner does. After the running test it is ended, and what it left is removed. */
export async function run(options: RunOptions): Promise<RunResult> {
  const abandoned = new AbortController()
  const signals = [abandoned.signal, ...(options.signal === undefined ? [] : [options.signal])]
  const running = runAction({ ...options, signal: AbortSignal.any(signals) })
  onTestFinished(async () => {
    abandoned.abort()
    await (await running).cleanUp()
  })
  return running
}

/** The same for a job about this commit of the repository, which fails where no snapshot can be restored. */
export function runAt(commit: string, options: RunOptions = {}): Promise<RunResult> {
  const inputs = { 'on-miss': 'fail', ...options.inputs }
  return run({ ...options, inputs, github: { sha: commit, ...options.github } })
}

export type Started = {
  /** Of the process that the runner starts. */
  readonly pid: number
  readonly ended: Promise<RunResult>
}

/** Starts a step, whose process can be sent signals; what it ends by is in the result as the runner sees it. */
export async function start(options: RunOptions): Promise<Started> {
  const entry = launcher(`const child = spawn(process.execPath, [bundle], { stdio: 'inherit' })
    child.on('spawn', () => console.log('pid', child.pid))`)
  const pid = deferred<number>()
  const onOutput = (text: string) => {
    const [, number] = /^pid (\d+)$/m.exec(text) ?? []
    if (number !== undefined) pid.resolve(Number(number))
    options.onOutput?.(text)
  }
  const ended = run({ ...options, entry, onOutput })
  return { pid: await pid.promise, ended }
}

/** An entry between the runner and the step, which the script starts from `bundle` as its `child`. */
export function launcher(script: string): string {
  const entry = join(temporary(), 'launcher.mjs')
  writeFileSync(
    entry,
    `import { spawn } from 'node:child_process'
    const bundle = ${JSON.stringify(bundle)}
    ${script}
    child.on('exit', (code, signal) => { process.exitCode = signal === 'SIGKILL' ? 137 : (code ?? 99) })`,
  )
  return entry
}

/** Expects the step to have ended well, with no word of an error or warning. */
export function expectRestored({ exitCode, stdout, stderr }: RunResult): void {
  const complaints = stdout.match(/^::(error|warning).*/gm) ?? []
  expect({ exitCode, stderr, complaints }).toEqual({ exitCode: 0, stderr: '', complaints: [] })
}

/** What people see of the log: neither debug messages nor the commands that mask secrets. */
export function printed({ stdout, stderr }: RunResult): string {
  const lines = `${stdout}${stderr}`.split('\n')
  return lines.filter((line) => !/^::(debug|add-mask|(add|remove)-matcher)\b/.test(line)).join('\n')
}

export function errorsOf({ annotations }: RunResult): string[] {
  return annotations.filter(({ level }) => level === 'error').map(({ message }) => message)
}
