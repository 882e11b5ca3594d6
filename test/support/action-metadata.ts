import { readFileSync } from 'node:fs'
import { readAction } from '../../scripts/action-yml.ts'

/** What the runner takes from action.yml. */
export type ActionMetadata = {
  readonly defaults: ReadonlyMap<string, string>
  readonly outputs: readonly string[]
  readonly main: string
  readonly post: string | undefined
}

/** Reads an action.yml in plain block style. An input without a default has an empty one, as in the runner. */
export function readActionMetadata(file: string): ActionMetadata {
  const { inputs, outputs, runs } = readAction(readFileSync(file, 'utf8'))
  return {
    defaults: new Map(inputs.map(({ name, default: value }) => [name, value ?? ''])),
    outputs: outputs.map(({ name }) => name),
    main: runs.main ?? 'dist/index.js',
    post: runs.post,
  }
}

/** What the runner gives for an input, where a workflow says these and the action has those defaults. */
export function inputReader(
  defaults: ReadonlyMap<string, string>,
  said: Readonly<Record<string, string>>,
): (name: string) => string {
  return (name) => said[name] ?? defaults.get(name) ?? ''
}

/** Lines that do not keep to the plain block style: two spaces, one line a value, none that YAML takes for two things. */
export function oddLines(text: string): readonly string[] {
  const plain = /^((?: {2}){0,2}[a-z0-9-]+:( ('[^']*'|(?![&*!|>{[%@`\s#'"])((?!: |:$| #).)+))?)?$/
  return text.split('\n').filter((line) => !plain.test(line))
}
