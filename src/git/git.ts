import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isDiskFull } from '../disk-space.ts'
import { ActionError } from '../errors.ts'
import { sanitize } from '../sanitize.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface GitOptions {
  /** Bytes for git's standard input, which is empty otherwise. */
  readonly input?: Uint8Array
  /** Variables on top of the directory's environment; undefined unsets one. */
  readonly env?: Environment
  /** Settings given with `-c`, after the protective ones. Other processes can see them: never a secret. */
  readonly config?: Readonly<Record<string, string>>
  /** Told each line of git's standard error as it comes, made fit for the log. */
  readonly onLine?: (line: string) => void
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

interface Place {
  readonly env: Environment
  readonly signal: AbortSignal
}

const OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024
const ERROR_TAIL_BYTES = 64 * 1024
const ERROR_TAIL_CHARACTERS = 500
const KILL_AFTER_MS = 2_000
const HAS_PROCESS_GROUPS = process.platform !== 'win32'

const PROTECTIVE_CONFIG = {
  'core.fsmonitor': 'false',
  'core.hooksPath': '/dev/null',
  // A directory is no repository itself: only its `.git` is one, and that was looked at. From git 2.38 on.
  'safe.bareRepository': 'explicit',
}

/** What would point git at another repository, or make a new one of another format. */
const FOREIGN_VARIABLES = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_ATTR_SOURCE',
  'GIT_COMMON_DIR',
  'GIT_CONFIG',
  'GIT_CONFIG_PARAMETERS',
  'GIT_DEFAULT_HASH',
  'GIT_DEFAULT_REF_FORMAT',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_INDEX_VERSION',
  'GIT_NAMESPACE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_QUARANTINE_PATH',
  'GIT_REF_STORAGE_FORMAT',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
]

/**
 * Git for one directory, which must be the root of its repository: parents are not searched. An abort ends
 * the whole process group, and the call then rejects with the signal's reason after the process has closed.
 */
export function gitIn(directory: string, place: Place): Git {
  const run: Git['run'] = (args, options = {}) => runGit(directory, place, args, options)
  return {
    run,
    succeeds: async (args, options) => {
      try {
        await run(args, options)
        return true
      } catch (error) {
        if (error instanceof ActionError && error.code === 'GIT_FAILED') return false
        throw error
      }
    },
  }
}

/** Git for what needs no repository: it reads nothing of one that somebody has put into this directory. */
export function gitOutside(directory: string, place: Place): Git {
  const git = gitIn(directory, place)
  const nowhere = { GIT_DIR: join(directory, `no-repository-${randomUUID()}`) }
  const outside = (options: GitOptions = {}) => ({ ...options, env: { ...options.env, ...nowhere } })
  return {
    run: (args, options) => git.run(args, outside(options)),
    succeeds: (args, options) => git.succeeds(args, outside(options)),
  }
}

/**
 * Variables that give git settings, on top of those that `env` gives it in the same way. Unlike `-c` nobody else
 * sees them: the way for secrets. A setting may be given more than once.
 */
export function settingsEnvironment(
  settings: readonly (readonly [key: string, value: string])[],
  env: Environment,
): Environment {
  const given = Number(env.GIT_CONFIG_COUNT) || 0
  const variables = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${given + index}`, key],
    [`GIT_CONFIG_VALUE_${given + index}`, value],
  ])
  return { GIT_CONFIG_COUNT: String(given + settings.length), ...Object.fromEntries(variables) }
}

async function runGit(
  directory: string,
  place: Place,
  args: readonly string[],
  options: GitOptions,
): Promise<string> {
  place.signal.throwIfAborted()
  const settings = Object.entries({ ...PROTECTIVE_CONFIG, ...options.config })
  const child = spawn('git', [...settings.flatMap(([key, value]) => ['-c', `${key}=${value}`]), ...args], {
    cwd: directory,
    env: { ...gitEnvironment(directory, place.env), ...options.env },
    detached: HAS_PROCESS_GROUPS,
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  })
  const killer = new Killer(child)
  const onAbort = () => killer.end()
  const onExit = () => killer.endNow()
  place.signal.addEventListener('abort', onAbort, { once: true })
  process.once('exit', onExit)
  try {
    return await outcome(child, args, { killer, directory, options })
  } catch (error) {
    throw place.signal.aborted ? place.signal.reason : error
  } finally {
    place.signal.removeEventListener('abort', onAbort)
    process.off('exit', onExit)
    killer.disarm()
  }
}

function gitEnvironment(directory: string, env: Environment): Environment {
  const unset = Object.fromEntries(FOREIGN_VARIABLES.map((name) => [name, undefined]))
  return {
    ...env,
    ...unset,
    GIT_ALLOW_PROTOCOL: 'https:http:ssh',
    GIT_CEILING_DIRECTORIES: dirname(directory),
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_TERMINAL_PROMPT: '0',
    GCM_INTERACTIVE: 'Never',
    LC_ALL: 'C',
  }
}

interface Run {
  readonly killer: Killer
  readonly directory: string
  readonly options: GitOptions
}

function outcome(child: ChildProcess, args: readonly string[], run: Run): Promise<string> {
  const subcommand = args[0] ?? ''
  const limitBytes = run.options.outputLimitBytes ?? OUTPUT_LIMIT_BYTES
  // The streams are missing when the process could not even be made.
  const output: Buffer[] = []
  let outputBytes = 0
  let errors: Buffer = Buffer.alloc(0)
  const { onOutput } = run.options
  child.stdout?.on('data', (data: Buffer) => {
    if (onOutput !== undefined) return onOutput(data)
    outputBytes += data.length
    if (outputBytes <= limitBytes) output.push(data)
    else run.killer.end()
  })
  child.stderr?.on('data', (data: Buffer) => {
    errors = Buffer.concat([errors, data]).subarray(-ERROR_TAIL_BYTES)
  })
  const { onLine } = run.options
  if (onLine !== undefined) forwardLines(child, onLine)
  // A git that exits without reading all of its input says why on stderr; the broken pipe adds nothing.
  child.stdin?.on('error', () => {})
  child.stdin?.end(run.options.input)

  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(notStarted(error, run.directory)))
    child.on('close', (code, signal) => {
      if (outputBytes > limitBytes) {
        reject(new ActionError('GIT_FAILED', `git ${subcommand} printed more than ${limitBytes} bytes`))
      } else if (code === 0) {
        resolve(Buffer.concat(output).toString('utf8'))
      } else {
        const how = signal === null ? `exit code ${code}` : `ended by ${signal}`
        const kind = isDiskFull(errors.toString()) ? 'WRITE_FAILED' : 'GIT_FAILED'
        reject(new ActionError(kind, `git ${subcommand} failed (${how}): ${readableTail(errors)}`))
      }
    })
  })
}

/** Progress overwrites its line by a carriage return: each state of it is a line here. */
function forwardLines(child: ChildProcess, onLine: (line: string) => void): void {
  const decoder = new TextDecoder()
  let rest = ''
  child.stderr?.on('data', (data: Buffer) => {
    const lines = `${rest}${decoder.decode(data, { stream: true })}`.split(/[\r\n]+/)
    rest = lines.pop()?.slice(-ERROR_TAIL_CHARACTERS) ?? ''
    for (const line of lines) if (line !== '') onLine(readable(line))
  })
  child.stderr?.on('end', () => {
    if (rest !== '') onLine(readable(rest))
  })
}

function notStarted(error: NodeJS.ErrnoException, directory: string): ActionError {
  if (error.code !== 'ENOENT') {
    return new ActionError('GIT_FAILED', 'git could not be started', { cause: error })
  }
  return existsSync(directory)
    ? new ActionError('GIT_MISSING', 'git is needed on the PATH and was not found: install git', {
        cause: error,
      })
    : new ActionError('GIT_FAILED', `git was to run in ${directory}, which does not exist`, { cause: error })
}

/** The end of what git said, on one line, with no credentials and nothing the runner takes for a command. */
function readableTail(errors: Buffer): string {
  const harmless = readable(errors.toString('utf8'))
  return harmless.length > ERROR_TAIL_CHARACTERS ? `…${harmless.slice(-ERROR_TAIL_CHARACTERS)}` : harmless
}

function readable(text: string): string {
  const line = text
    .replace(/\/\/[^\s/@]*@/g, '//')
    .replace(/(https?:\/\/[^\s'"?]*)\?[^\s'"]*/g, '$1')
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
  return sanitize(line, Number.POSITIVE_INFINITY)
}

/** Ends a process and what it started: asks first, and after KILL_AFTER_MS waits no longer. */
class Killer {
  readonly #child: ChildProcess
  #timer: NodeJS.Timeout | undefined

  constructor(child: ChildProcess) {
    this.#child = child
  }

  end(): void {
    if (this.#timer !== undefined) return
    this.#send('SIGTERM')
    this.#timer = setTimeout(() => {
      this.#send('SIGKILL')
      // A process that left the group may still hold these open.
      this.#child.stdout?.destroy()
      this.#child.stderr?.destroy()
    }, KILL_AFTER_MS)
    this.#timer.unref()
  }

  /** For a process that ends at once: nobody will look after git any more. */
  endNow(): void {
    this.#send('SIGKILL')
  }

  disarm(): void {
    clearTimeout(this.#timer)
  }

  #send(signal: NodeJS.Signals): void {
    const { pid } = this.#child
    if (pid === undefined) return
    if (!HAS_PROCESS_GROUPS) {
      this.#child.kill(signal)
      return
    }
    try {
      process.kill(-pid, signal)
    } catch {
      // Nobody is left in the group.
    }
  }
}
