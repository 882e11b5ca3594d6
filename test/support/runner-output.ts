export type Annotation = {
  readonly level: 'error' | 'warning' | 'notice' | 'debug'
  readonly message: string
  readonly properties: string
}

/** `name=value` lines and `name<<DELIMITER` blocks, as the runner reads GITHUB_OUTPUT and GITHUB_STATE. */
export function parseFileCommands(text: string): Record<string, string> {
  const values: Record<string, string> = {}
  const lines = text.split(/\r?\n/)
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const [, name, delimiter] = /^([^=]*?)<<(.+)$/.exec(line) ?? []
    if (name !== undefined) {
      const end = lines.indexOf(delimiter ?? '', at + 1)
      if (end < 0) throw new Error(`No end of the value of ${name}`)
      values[name] = lines.slice(at + 1, end).join('\n')
      at = end
    } else if (line.includes('='))
      values[line.slice(0, line.indexOf('='))] = line.slice(line.indexOf('=') + 1)
  }
  return values
}

export function annotationsIn(stdout: string): Annotation[] {
  return [...stdout.matchAll(/^::(error|warning|notice|debug)(?: ([^:]*))?::(.*)$/gm)].map(
    ([, level, properties = '', message = '']) => ({
      level: level as Annotation['level'],
      message: unescaped(message),
      properties,
    }),
  )
}

/** The secrets that a step asked to mask. */
export function masksIn(stdout: string): string[] {
  return [...stdout.matchAll(/^::add-mask::(.*)$/gm)].map(([, secret = '']) => unescaped(secret))
}

function unescaped(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%')
}
