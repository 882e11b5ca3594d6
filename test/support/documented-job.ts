import { join } from 'node:path'
import { expect } from 'vitest'
import { expectRestored, run } from './action-run.ts'
import { git } from './git-repo.ts'
import { makePlace } from './place.ts'
import type { RunOptions, RunResult } from './runner.ts'
import { filledIn, type OwnAction, ownAction, type Step } from './workflow-snippet.ts'

export type Variables = Readonly<Record<string, string>>

/** What the jobs of a stage have in common. */
export type JobSetting = Required<Pick<RunOptions, 'inputs' | 'env' | 'github'>> & {
  readonly shell: (script: string, cwd: string, env: Variables) => Promise<void>
  /** By name. */
  readonly secrets: Variables
}

const ROOT = join(import.meta.dirname, '..', '..')

/** One job of a workflow, in an empty workspace: our actions and commands, and no other action. */
export class DocumentedJob {
  /** What each step of ours came to, in words. */
  readonly outcomes: string[] = []
  readonly #setting: JobSetting
  readonly #place = makePlace()
  /** What expressions stand for. */
  readonly #known: Map<string, string>
  /** Those of them that have a post step. */
  readonly #restores: RunResult[] = []

  constructor(setting: JobSetting) {
    this.#setting = setting
    this.#known = new Map(Object.entries(setting.secrets).map(([name, value]) => [`secrets.${name}`, value]))
  }

  async step(step: Step): Promise<void> {
    const said = Object.entries(step.env ?? {}).map(([name, value]) => [
      name,
      filledIn(value, this.#meaningOf),
    ])
    const env: Variables = Object.fromEntries(said)
    const own = ownAction(step, this.#meaningOf)
    if (own === undefined) {
      expect(step.uses).toBeUndefined()
      return this.#setting.shell(step.run ?? '', this.#place.workspace, env)
    }
    const result = await this.#run(own, env)
    expectRestored(result)
    this.outcomes.push(await outcomeOf(own, result))
    if (own.directory === '.') this.#restores.push(result)
    for (const [name, value] of Object.entries(result.outputs))
      this.#known.set(`steps.${step.id}.outputs.${name}`, value)
  }

  /** Runs the post steps, the last first. */
  async end(): Promise<void> {
    for (const result of this.#restores.reverse()) expectRestored(await result.runPost())
  }

  #run({ directory, inputs }: OwnAction, env: Variables): Promise<RunResult> {
    const { github, inputs: first, env: around } = this.#setting
    const action = join(ROOT, directory)
    return run({
      ...this.#place,
      action,
      inputs: { ...first, ...inputs },
      github,
      env: { ...around, ...env },
    })
  }

  readonly #meaningOf = (expression: string): string => {
    const value = this.#known.get(expression)
    if (value === undefined) throw new Error(`nobody here knows what \${{ ${expression} }} stands for`)
    return value
  }
}

async function outcomeOf(
  { directory, inputs }: OwnAction,
  { outputs, workspace }: RunResult,
): Promise<string> {
  if (directory === 'warm') return `found: ${outputs.found}`
  if (directory === 'save') return `${outputs.outcome}`
  const tree = join(workspace, inputs.path ?? '')
  expect(await git(tree, 'rev-parse', 'HEAD')).toBe(outputs.commit)
  expect(await git(tree, 'status', '--porcelain', '--untracked-files=no')).toBe('')
  return `${outputs.outcome} from ${outputs.source}`
}
