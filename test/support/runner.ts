import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { readActionMetadata } from './action-metadata.ts'
import {
  type GithubContext,
  githubContext,
  inputVariables,
  type Places,
  prefixed,
  runnerEnvironment,
} from './runner-environment.ts'
import { type Annotation, annotationsIn, masksIn, parseFileCommands } from './runner-output.ts'

export type RunOptions = {
  /** The directory of action.yml; default this repository. */
  readonly action?: string
  /** The bundle to run; default what action.yml names. */
  readonly entry?: string
  /** What a workflow would say under `with`; the defaults of action.yml fill in the rest. */
  readonly inputs?: Readonly<Record<string, string>>
  /** On top of the runner's own variables. */
  readonly env?: Readonly<Record<string, string>>
  /** GITHUB_WORKSPACE and RUNNER_TEMP; default fresh directories that `cleanUp` removes. */
  readonly workspace?: string
  readonly temp?: string
  readonly github?: Partial<GithubContext>
  /** Aborted, the step is cancelled as the runner does it: SIGINT, later SIGTERM, later SIGKILL. */
  readonly signal?: AbortSignal
  /** What the step prints, as it comes. */
  readonly onOutput?: (text: string) => void
  /** Also tells the process's peak memory; costs one preloaded module. */
  readonly measurePeak?: boolean
}

export type RunResult = {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly outputs: Readonly<Record<string, string>>
  readonly state: Readonly<Record<string, string>>
  readonly summary: string
  /** What the file says that the output `report` names. */
  readonly report: unknown
  readonly annotations: readonly Annotation[]
  /** The secrets that the step asked to mask. */
  readonly masks: readonly string[]
  readonly workspace: string
  readonly temp: string
  /** Only with `measurePeak`, and when the process ended by itself. */
  readonly peakRssBytes: number | undefined
  /** Runs the post step with the state that this step saved, in the same places. */
  readonly runPost: (changes?: Pick<RunOptions, 'env' | 'signal' | 'onOutput'>) => Promise<RunResult>
  /** Removes the directories that were made for the run and its post step. */
  readonly cleanUp: () => Promise<void>
}

const repositoryRoot = join(import.meta.dirname, '..', '..')

/** Runs the action's main step exactly as the runner does, on the Node that runs this. */
export function runAction(options: RunOptions = {}): Promise<RunResult> {
  return runStep(options, { name: 'main', state: {} })
}

/** A post step has the directory of its main step, for it is removed with it. */
type Step = {
  readonly name: 'main' | 'post'
  readonly state: Readonly<Record<string, string>>
  readonly made?: string
}

async function runStep(options: RunOptions, step: Step): Promise<RunResult> {
  const action = options.action ?? repositoryRoot
  const metadata = readActionMetadata(join(action, 'action.yml'))
  const places = await makePlaces(options, step)
  const github = githubContext(options.github)
  const environment = {
    ...runnerEnvironment(places, github),
    ...inputVariables(metadata.defaults, options.inputs, github),
    ...prefixed('STATE_', step.state),
    ...options.env,
  }
  const entry =
    options.entry ?? join(action, (step.name === 'post' ? metadata.post : undefined) ?? metadata.main)
  const ended = await runNode(entry, environment, options, places)
  const saved = parseFileCommands(await readFile(places.files.state, 'utf8'))
  const state = { ...step.state, ...saved }
  const outputs = parseFileCommands(await readFile(places.files.output, 'utf8'))
  return {
    ...ended,
    outputs,
    report: await reportIn(places.temp, outputs.report),
    state,
    summary: await readFile(places.files.summary, 'utf8'),
    annotations: annotationsIn(ended.stdout),
    masks: masksIn(ended.stdout),
    workspace: places.workspace,
    temp: places.temp,
    peakRssBytes: options.measurePeak
      ? Number(await readFile(places.files.peak, 'utf8')) || undefined
      : undefined,
    runPost: (changes = {}) => {
      const { signal: _, ...lasting } = options
      const same = { workspace: places.workspace, temp: places.temp }
      return runStep({ ...lasting, ...same, ...changes }, { name: 'post', state, made: places.made })
    },
    cleanUp: () => rm(places.made, { recursive: true, force: true }),
  }
}

async function makePlaces(options: RunOptions, step: Step): Promise<Places> {
  const made = step.made ?? (await mkdtemp(join(tmpdir(), 'runner-')))
  const workspace = options.workspace ?? join(made, 'work', 'project', 'project')
  const temp = options.temp ?? join(made, 'work', '_temp')
  const commands = join(made, 'file_commands', step.name)
  for (const directory of [workspace, temp, commands, join(made, 'home')])
    await mkdir(directory, { recursive: true })
  const file = (name: string) => join(commands, name)
  const files = {
    output: file('output'),
    state: file('state'),
    env: file('env'),
    path: file('path'),
    summary: file('summary'),
    peak: file('peak'),
  }
  for (const path of Object.values(files)) await writeFile(path, '')
  const event = join(made, 'event.json')
  await writeFile(event, JSON.stringify(githubContext(options.github).payload))
  return { made, workspace, temp, event, files }
}

type Ended = Pick<RunResult, 'exitCode' | 'signal' | 'stdout' | 'stderr'>

async function runNode(
  entry: string,
  env: Readonly<Record<string, string>>,
  options: RunOptions,
  { workspace, files }: Places,
): Promise<Ended> {
  const preload = options.measurePeak ? ['--import', peakModule(files.peak)] : []
  const child = spawn(process.execPath, [...preload, entry], {
    cwd: workspace,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const printed = { stdout: [] as string[], stderr: [] as string[] }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      printed[name].push(text)
      options.onOutput?.(text)
    })
  }
  const timers: NodeJS.Timeout[] = []
  const cancel = () => {
    child.kill('SIGINT')
    timers.push(setTimeout(() => child.kill('SIGTERM'), 7_500))
    timers.push(setTimeout(() => child.kill('SIGKILL'), 10_000))
  }
  if (options.signal?.aborted) cancel()
  options.signal?.addEventListener('abort', cancel)
  try {
    const [exitCode, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    return { exitCode, signal, stdout: printed.stdout.join(''), stderr: printed.stderr.join('') }
  } finally {
    options.signal?.removeEventListener('abort', cancel)
    timers.forEach(clearTimeout)
  }
}

/**
 * A module that writes the process's own peak resident memory, in bytes, to a file when it exits. On Linux from
 * VmHWM: the maximum that getrusage tells is inherited from the process that started it, which may be far larger.
 */
function peakModule(file: string): string {
  const source = `import { readFileSync, writeFileSync } from 'node:fs'
const peakKiB = () => process.platform === 'linux'
  ? Number(/VmHWM:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1])
  : process.resourceUsage().maxRSS
process.on('exit', () => writeFileSync(${JSON.stringify(file)}, String(peakKiB() * 1024)))`
  return `data:text/javascript,${encodeURIComponent(source)}`
}

/** The step names the file as it saw it, which in a container is another path. */
async function reportIn(temp: string, path: string | undefined): Promise<unknown> {
  return path === undefined ? undefined : JSON.parse(await readFile(join(temp, basename(path)), 'utf8'))
}
