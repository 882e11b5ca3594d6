import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '../environment.ts'
import { ActionError } from '../errors.ts'
import { commandFor } from '../programs.ts'
import { withoutSecrets } from '../sanitize.ts'
import { ErrorOutput } from './error-output.ts'
import { gitEnvironment, PROTECTIVE_CONFIG } from './git-environment.ts'
import { HAS_PROCESS_GROUPS, ProcessGroup } from './process-group.ts'

export interface GitOptions {
  /** Bytes for git's standard input, which is empty otherwise. */
  readonly input?: Uint8Array
  /** Variables on top of the directory's environment; undefined unsets one. */
  readonly env?: Environment
  /** Settings given with `-c`, after the protective ones. Other processes can see them: never a secret. */
  readonly config?: Readonly<Record<string, string>>
  /** Told each line of git's standard error as it comes, made fit for the log. */
  readonly onLine?: ((line: string) => void) | undefined
  /** Told git's output as it comes, which then has no limit and is not in the result. */
  readonly onOutput?: (bytes: Buffer) => void
  /**
   * How much git may print; more ends it and is an error.
   * @default 16 MiB
   */
  readonly outputLimitBytes?: number
}

export interface Git {
  /** What git printed, as UTF-8, once the process has closed. A non-zero exit is a GIT_FAILED error. */
  run(args: readonly string[], options?: GitOptions): Promise<string>
  /** Whether git ends well; only a GIT_FAILED error means no. */
  succeeds(args: readonly string[], options?: GitOptions): Promise<boolean>
}

/** What git runs with, wherever it does. */
export interface GitContext {
  readonly env: Environment
  readonly signal: AbortSignal
  /** Told of each process when it is over, where somebody wants to know. */
  readonly debug?: ((line: string) => void) | undefined
}

const OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024

/**
 * Git for one directory, which must be the root of its repository: parents are not searched. An abort ends
 * the whole process group, and the call then rejects with the signal's reason after the process has closed.
 */
export function gitIn(directory: string, context: GitContext): Git {
  const run: Git['run'] = (args, options = {}) => runGit(directory, context, args, options)
  return {
    run,
    succeeds: async (args, options) => {
      try {
        await run(args, options)
        return true
      } catch (error) {
        if (isGitFailure(error)) return false
        throw error
      }
    },
  }
}

/** Git for what needs no repository: it reads nothing of one that somebody has put into this directory. */
export function gitOutside(directory: string, context: GitContext): Git {
  const git = gitIn(directory, context)
  const nowhere = { GIT_DIR: join(directory, `no-repository-${randomUUID()}`) }
  const outside = (options: GitOptions = {}) => ({ ...options, env: { ...options.env, ...nowhere } })
  return {
    run: (args, options) => git.run(args, outside(options)),
    succeeds: (args, options) => git.succeeds(args, outside(options)),
  }
}

/** Whether it is git that said no: another way may do better. */
export function isGitFailure(error: unknown): error is ActionError {
  return error instanceof ActionError && error.code === 'GIT_FAILED'
}

async function runGit(
  directory: string,
  { env, signal, debug }: GitContext,
  args: readonly string[],
  options: GitOptions,
): Promise<string> {
  const command = await commandFor('git', env)
  signal.throwIfAborted()
  if (command === undefined) throw gitMissing()
  const settings = Object.entries({ ...PROTECTIVE_CONFIG, ...options.config })
  const child = spawn(command, [...settings.flatMap(([key, value]) => ['-c', `${key}=${value}`]), ...args], {
    cwd: directory,
    env: { ...gitEnvironment(directory, env), ...options.env },
    detached: HAS_PROCESS_GROUPS,
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  })
  const group = new ProcessGroup(child, { signal, endTree: HAS_PROCESS_GROUPS ? undefined : treeEnder(env) })
  const began = performance.now()
  try {
    return await outcome(child, group, { subcommand: args[0] ?? '', directory, options })
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    group.release()
    debug?.(`${shown(args)} (${Math.round(performance.now() - began)} ms, exit code ${child.exitCode})`)
  }
}

/** A command for the log; other settings than these are no part of it, nor is what an address may let in with. */
function shown(args: readonly string[]): string {
  return ['git', ...args.map((arg) => (arg.includes('://') ? withoutSecrets(arg) : arg))].join(' ')
}

interface Run {
  readonly subcommand: string
  readonly directory: string
  readonly options: GitOptions
}

function outcome(child: ChildProcess, group: ProcessGroup, run: Run): Promise<string> {
  const { subcommand, directory, options } = run
  const { input, onLine, onOutput, outputLimitBytes: limitBytes = OUTPUT_LIMIT_BYTES } = options
  const output: Buffer[] = []
  let outputBytes = 0
  const errors = new ErrorOutput(onLine)
  // The streams are missing when the process could not even be made.
  child.stdout?.on('data', (data: Buffer) => {
    if (onOutput !== undefined) return onOutput(data)
    outputBytes += data.length
    if (outputBytes <= limitBytes) output.push(data)
    else group.end()
  })
  child.stderr?.on('data', (data: Buffer) => errors.push(data))
  child.stderr?.on('end', () => errors.end())
  // A git that exits without reading all of its input says why on stderr; the broken pipe adds nothing.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)

  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(notStarted(error, directory)))
    child.on('close', (code, signal) => {
      if (outputBytes > limitBytes) {
        reject(new ActionError('GIT_FAILED', `git ${subcommand} printed more than ${limitBytes} bytes`))
      } else if (code === 0) {
        resolve(Buffer.concat(output).toString('utf8'))
      } else {
        const how = signal === null ? `exit code ${code}` : `ended by ${signal}`
        reject(errors.failure(`git ${subcommand} failed (${how})`))
      }
    })
  })
}

function notStarted(error: NodeJS.ErrnoException, directory: string): ActionError {
  if (error.code !== 'ENOENT') {
    return new ActionError('GIT_FAILED', 'git could not be started', { cause: error })
  }
  return existsSync(directory)
    ? gitMissing(error)
    : new ActionError('GIT_FAILED', `git was to run in ${directory}, which does not exist`, { cause: error })
}

function gitMissing(cause?: unknown): ActionError {
  return new ActionError('GIT_MISSING', 'git is needed on the PATH and was not found: install git', { cause })
}

/** On Windows the `git` of the PATH is one that starts the real one, which a signal to the first does not end. */
function treeEnder(env: Environment): (pid: number) => void {
  const taskkill = join(env.SystemRoot ?? 'C:\\Windows', 'System32', 'taskkill.exe')
  return (pid) => {
    const { status } = spawnSync(taskkill, ['/pid', `${pid}`, '/t', '/f'], { windowsHide: true })
    if (status !== 0) process.kill(pid)
  }
}
