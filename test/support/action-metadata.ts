import { readFileSync } from 'node:fs'

/** What the runner takes from action.yml. */
export type ActionMetadata = {
  readonly defaults: ReadonlyMap<string, string>
  readonly outputs: readonly string[]
  readonly main: string
  readonly post: string | undefined
}

/**
 * Reads an action.yml in plain block style: two spaces a level, one line a value. An input without a
 * default has an empty one, as in the runner.
 */
export function readActionMetadata(file: string): ActionMetadata {
  const defaults = new Map<string, string>()
  const outputs: string[] = []
  const runs = new Map<string, string>()
  let section = ''
  let name = ''
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [, indent = '', key = '', value = ''] = /^( *)([\w-]+):(?: (.*))?$/.exec(line) ?? []
    if (key === '') continue
    if (indent.length === 0) section = key
    else if (indent.length === 2) {
      name = key
      if (section === 'inputs') defaults.set(name, '')
      if (section === 'outputs') outputs.push(name)
      if (section === 'runs') runs.set(key, scalar(value))
    } else if (section === 'inputs' && indent.length === 4 && key === 'default')
      defaults.set(name, scalar(value))
  }
  return { defaults, outputs, main: runs.get('main') ?? 'dist/index.js', post: runs.get('post') }
}

function scalar(text: string): string {
  const trimmed = text.trim()
  if (trimmed.startsWith("'")) return trimmed.slice(1, trimmed.lastIndexOf("'")).replaceAll("''", "'")
  if (trimmed.startsWith('"')) return JSON.parse(trimmed.slice(0, trimmed.lastIndexOf('"') + 1))
  return trimmed.replace(/\s+#.*$/, '')
}
