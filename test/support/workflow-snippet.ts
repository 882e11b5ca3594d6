import { parse } from 'yaml'

/** A step as a workflow has it. */
export type Step = {
  readonly id?: string
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, string | number | boolean>>
  readonly env?: Readonly<Record<string, string>>
}

type Job = {
  readonly steps: readonly Step[]
  readonly env?: Readonly<Record<string, string>>
  readonly permissions?: Readonly<Record<string, string>>
}

export type Workflow = {
  readonly env?: Readonly<Record<string, string>>
  readonly permissions?: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

/** One of our actions, as a step names it. */
export type OwnAction = {
  /** The directory of its action.yml, relative to the root. */
  readonly directory: '.' | 'save' | 'warm'
  /** As the runner hands them on. */
  readonly inputs: Readonly<Record<string, string>>
}

const OWN = /^git-snapshot\/git-snapshot(?:\/(save|warm))?@v1$/

/** A whole workflow, where a snippet may be its steps, or a job's content, or its jobs. */
export function wholeWorkflow(snippet: string): Workflow {
  const value = parse(snippet)
  const content = Array.isArray(value) ? { steps: value } : value
  const hasJobs = typeof content === 'object' && content !== null && 'jobs' in content
  const jobs = hasJobs ? {} : { jobs: { job: { 'runs-on': 'ubuntu-latest', ...content } } }
  return { ...(hasJobs && 'on' in content ? {} : { on: 'push' }), ...(hasJobs ? content : jobs) }
}

export function stepsOf({ jobs }: Workflow): readonly Step[] {
  return Object.values(jobs).flatMap(({ steps }) => steps)
}

/** Undefined for a step of somebody else's. Expressions become what `meaningOf` makes of them. */
export function ownAction(step: Step, meaningOf: (expression: string) => string): OwnAction | undefined {
  const found = OWN.exec(step.uses ?? '')
  if (found === null) return undefined
  const said = Object.entries(step.with ?? {}).map(([name, value]) => [
    name,
    filledIn(String(value), meaningOf),
  ])
  return { directory: (found[1] ?? '.') as OwnAction['directory'], inputs: Object.fromEntries(said) }
}

export function filledIn(text: string, meaningOf: (expression: string) => string): string {
  return text.replaceAll(/\$\{\{\s*([\w.-]+)\s*\}\}/g, (_, expression: string) => meaningOf(expression))
}
