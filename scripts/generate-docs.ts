// Writes the tables of inputs and outputs (from action.yml) and of errors in README.md: `node scripts/generate-docs.ts`.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Action, readAction } from './action-yml.ts'
import { ERROR_WORDS } from './error-words.ts'
import { table } from './markdown.ts'

/** The README with its tables made anew between their markers. */
export function withTables(readme: string, action: Action): string {
  const inputs = table(
    ['input', 'default', 'what it is'],
    action.inputs.map(({ name, default: value, description }) => [
      `\`${name}\``,
      value ? `\`${value}\`` : '',
      description,
    ]),
  )
  const outputs = table(
    ['output', 'what it is'],
    action.outputs.map(({ name, description }) => [`\`${name}\``, description]),
  )
  const errors = table(
    ['code', 'what it means', 'what to do'],
    Object.entries(ERROR_WORDS).map(([code, { meaning, remedy }]) => [`\`${code}\``, meaning, remedy]),
  )
  const tables = { inputs, outputs, errors }
  return Object.entries(tables).reduce((text, [name, content]) => between(text, name, content), readme)
}

function between(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`README.md has no ${start} followed by ${end}`)
  return `${text.slice(0, from + start.length)}\n\n${content}\n\n${text.slice(to)}`
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const readme = join(root, 'README.md')
  const action = readAction(readFileSync(join(root, 'action.yml'), 'utf8'))
  writeFileSync(readme, withTables(readFileSync(readme, 'utf8'), action))
}
