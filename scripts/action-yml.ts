/** An input or output as action.yml describes it; only inputs have a default. */
export interface Described {
  readonly name: string
  readonly description: string
  readonly default: string | undefined
}

export interface Action {
  readonly inputs: readonly Described[]
  readonly outputs: readonly Described[]
  /** What stands under `runs`. */
  readonly runs: Readonly<Record<string, string>>
}

/** Reads the plain block style that action.yml keeps to: two spaces, one line a value. */
export function readAction(text: string): Action {
  const sections: Record<string, Record<string, string>[]> = { inputs: [], outputs: [] }
  const runs: Record<string, string> = {}
  let top = ''
  for (const line of text.split('\n')) {
    const [, indent = '', key = '', value = ''] = /^( *)([\w-]+):(?: (.*))?$/.exec(line) ?? []
    if (key === '') continue
    if (indent.length === 0) top = key
    else if (indent.length === 2 && top === 'runs') runs[key] = scalar(value)
    else if (indent.length === 2) sections[top]?.push({ name: key })
    else if (indent.length === 4) Object.assign(sections[top]?.at(-1) ?? {}, { [key]: scalar(value) })
  }
  return { inputs: described(sections.inputs), outputs: described(sections.outputs), runs }
}

function described(entries: readonly Record<string, string>[] = []): readonly Described[] {
  return entries.map(({ name = '', description = '', default: value }) => ({
    name,
    description,
    default: value,
  }))
}

function scalar(text: string): string {
  const trimmed = text.trim()
  if (trimmed.startsWith("'")) return trimmed.slice(1, trimmed.lastIndexOf("'")).replaceAll("''", "'")
  if (trimmed.startsWith('"')) return JSON.parse(trimmed.slice(0, trimmed.lastIndexOf('"') + 1))
  return trimmed.replace(/\s+#.*$/, '')
}
