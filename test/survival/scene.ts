import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, type TestContext } from 'vitest'
import { bundle, errorsOf, run, temporary } from '../support/action-run.ts'
import { deferred } from '../support/deferred.ts'
import { git } from '../support/git-repo.ts'
import type { RunOptions, RunResult } from '../support/runner.ts'
import type { ServedProject } from '../support/served-project.ts'
import { listTree } from '../support/working-copy.ts'
import type { Sabotage } from './sabotage.ts'

export type Place = { readonly workspace: string; readonly temp: string }

/** A runner's directories, below `root`; the workspace is as a job before may have left it. */
export function usedPlace(root = temporary()): Place {
  const place = { workspace: join(root, 'project', 'project'), temp: join(root, '_temp') }
  mkdirSync(join(place.workspace, '.git'), { recursive: true })
  mkdirSync(place.temp)
  writeFileSync(join(place.workspace, '.git', 'HEAD'), 'ref: refs/heads/mine\n')
  writeFileSync(join(place.workspace, 'run.sh'), 'exit 1\n', { mode: 0o755 })
  symlinkSync('nowhere', join(place.workspace, 'README.md'))
  return place
}

/** The options of a step that restores the project's snapshot. */
export function restoring(project: ServedProject, options: RunOptions = {}): RunOptions {
  return {
    ...options,
    inputs: { server: project.server.url, 'on-miss': 'fail', retries: '0', ...options.inputs },
    github: { sha: project.snapshot.commit, ...options.github },
  }
}

/** What makes the step's process err by itself. */
export function sabotaged(sabotage: Sabotage): Readonly<Record<string, string>> {
  const module = join(import.meta.dirname, 'sabotage.ts')
  return { NODE_OPTIONS: `--import=${module}`, SABOTAGE: JSON.stringify(sabotage) }
}

/** A `git` that does as this script says, to be put on the PATH; `exec "$GIT" "$@"` goes on with the real one. */
export function gitInstead(script: string): Readonly<Record<string, string>> {
  const bin = temporary()
  writeFileSync(join(bin, 'git'), `#!/bin/sh\nPATH='${process.env.PATH}'\n${script}\nexec git "$@"\n`)
  chmodSync(join(bin, 'git'), 0o755)
  return { PATH: `${bin}:${process.env.PATH}` }
}

export type Started = {
  /** Of the process that the runner starts. */
  readonly pid: number
  readonly ended: Promise<RunResult>
}

/** Starts a step, whose process can be sent signals; what it ends by is in the result as the runner sees it. */
export async function start(options: RunOptions): Promise<Started> {
  const entry = join(temporary(), 'step.mjs')
  const script = `import { spawn } from 'node:child_process'
    const child = spawn(process.execPath, [${JSON.stringify(options.entry ?? bundle)}], { stdio: 'inherit' })
    child.on('spawn', () => console.log('pid', child.pid))
    child.on('exit', (code, signal) => { process.exitCode = signal === 'SIGKILL' ? 137 : (code ?? 99) })`
  writeFileSync(entry, script)
  const pid = deferred<number>()
  const ended = run({
    ...options,
    entry,
    onOutput: (text) => {
      const [, number] = /^pid (\d+)$/m.exec(text) ?? []
      if (number !== undefined) pid.resolve(Number(number))
      options.onOutput?.(text)
    },
  })
  return { pid: await pid.promise, ended }
}

/** Processes of a step that are there still: the runner's temporary directory is in what they were started with. */
export function processesOf({ temp }: Place): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => readProc(pid, 'environ').includes(`RUNNER_TEMP=${temp}\0`))
    .map((pid) => readProc(pid, 'cmdline').replaceAll('\0', ' '))
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

/** What lies where staging can. */
export function leftIn({ temp, workspace }: Place): string[] {
  return [temp, join(workspace, '..'), workspace]
    .flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)))
    .filter((path) => /\.git-snapshot-|git-credentials-|\.bundle$/.test(path))
}

/** Runs a step that is to fail, and expects nothing to be changed, left or alive; returns its one line of words. */
export async function failing(place: Place, options: RunOptions, exitCode = 1): Promise<string> {
  const before = listTree(place.workspace)
  const result = await run({ ...place, ...options })
  const [error = '', ...others] = errorsOf(result)
  expect({ exitCode: result.exitCode, stderr: result.stderr, others }, error).toEqual({
    exitCode,
    stderr: '',
    others: [],
  })
  expectUntouched(place, before)
  expect(error).not.toMatch(/\n|^$/)
  return error
}

export function expectUntouched(place: Place, before: readonly string[]): void {
  expect(listTree(place.workspace)).toEqual(before)
  expect(leftIn(place)).toEqual([])
  expect(processesOf(place)).toEqual([])
}

/** Expects the workspace to hold the snapshot's commit and nothing else, whichever way it came there. */
export async function expectRight({ workspace }: Place, { clone, snapshot }: ServedProject): Promise<void> {
  expect(listTree(workspace, { without: '.git' })).toEqual(listTree(clone, { without: '.git' }))
  expect(await git(workspace, 'rev-parse', 'HEAD')).toBe(snapshot.commit)
  expect(await git(workspace, 'status', '--porcelain', '--ignored')).toBe('')
  expect(await git(workspace, 'fsck', '--strict', '--no-dangling', '--no-progress')).toBe('')
}

/** A file system in memory until the test ends; skips the test with a word where mounting is not allowed. */
export function mounted(context: TestContext, options: string): string {
  const place = temporary()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', place], { stdio: 'pipe' })
  } catch {
    context.skip('mounting is not allowed here')
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', place]))
  return place
}
