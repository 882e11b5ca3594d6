import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { type RunOptions, type RunResult, runAction } from './runner.ts'

/** The built bundle, as action.yml names it. */
export const bundle = join(import.meta.dirname, '..', '..', 'dist', 'index.js')

/** A directory that is removed after the running test. */
export function temporary(parent = tmpdir()): string {
  const directory = mkdtempSync(join(parent, 'action-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }))
  return directory
}

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
