import { join } from 'node:path'

export type GithubContext = {
  readonly repository: string
  readonly serverUrl: string
  readonly token: string
  readonly sha: string
  readonly ref: string
  readonly eventName: string
  /** The webhook's payload, which the step finds in the file that GITHUB_EVENT_PATH names. */
  readonly payload: Readonly<Record<string, unknown>>
}

type Files = Readonly<Record<'output' | 'state' | 'env' | 'path' | 'summary' | 'peak', string>>

/** Where a step finds things, and the files in which it speaks to the runner. */
export type Places = {
  readonly made: string
  readonly workspace: string
  readonly temp: string
  readonly event: string
  readonly files: Files
}

/** The context of a job, a push to `main` of `octo/project` where nothing else is said. */
export function githubContext(github: Partial<GithubContext> = {}): GithubContext {
  return {
    repository: 'octo/project',
    serverUrl: 'https://github.com',
    token: '',
    sha: '',
    ref: 'refs/heads/main',
    eventName: 'push',
    payload: {},
    ...github,
  }
}

/** What a runner tells the step's process. */
export function runnerEnvironment(
  { made, workspace, temp, event, files }: Places,
  github: GithubContext,
): Record<string, string> {
  const [owner = ''] = github.repository.split('/')
  return {
    PATH: process.env.PATH ?? '',
    HOME: join(made, 'home'),
    LANG: 'C.UTF-8',
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: workspace,
    GITHUB_OUTPUT: files.output,
    GITHUB_STATE: files.state,
    GITHUB_ENV: files.env,
    GITHUB_PATH: files.path,
    GITHUB_STEP_SUMMARY: files.summary,
    GITHUB_REPOSITORY: github.repository,
    GITHUB_REPOSITORY_OWNER: owner,
    GITHUB_SERVER_URL: github.serverUrl,
    GITHUB_SHA: github.sha,
    GITHUB_REF: github.ref,
    GITHUB_EVENT_NAME: github.eventName,
    GITHUB_EVENT_PATH: event,
    GITHUB_RUN_ID: '1',
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_JOB: 'build',
    GITHUB_ACTION: '__self',
    RUNNER_TEMP: temp,
    RUNNER_TOOL_CACHE: join(made, 'tool-cache'),
    RUNNER_NAME: 'test runner',
    RUNNER_OS: { linux: 'Linux', darwin: 'macOS', win32: 'Windows' }[process.platform as string] ?? 'Linux',
    RUNNER_ARCH: process.arch.toUpperCase(),
  }
}

/** The inputs as variables: what the workflow says on top of the defaults, whose expressions are of the job. */
export function inputVariables(
  defaults: ReadonlyMap<string, string>,
  said: Readonly<Record<string, string>> | undefined,
  github: GithubContext,
): Record<string, string> {
  const expressions: Record<string, string> = {
    'github.repository': github.repository,
    'github.server_url': github.serverUrl,
    'github.token': github.token,
    'github.sha': github.sha,
    'github.ref': github.ref,
  }
  const expanded = [...defaults].map(([name, value]) => [
    name,
    value.replace(/\$\{\{\s*([\w.]+)\s*\}\}/g, (_, expression: string) => expressions[expression] ?? ''),
  ])
  const inputs: Record<string, string> = { ...Object.fromEntries(expanded), ...said }
  const variables = Object.entries(inputs).map(([name, value]) => [
    name.replaceAll(' ', '_').toUpperCase(),
    value,
  ])
  return prefixed('INPUT_', Object.fromEntries(variables))
}

export function prefixed(prefix: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]))
}
