// Writes the tables of inputs and outputs (from each action.yml) and of errors (README.md): `node scripts/generate-docs.ts`.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ERROR_WORDS } from '../src/error-words.ts'
import { table } from '../src/markdown.ts'
import { type Action, readAction } from './action-yml.ts'

/** Where the inputs and outputs of each action stand. */
export const PAGES = [
  { page: 'README.md', action: 'action.yml' },
  { page: 'docs/save.md', action: 'save/action.yml' },
  { page: 'docs/warm.md', action: 'warm/action.yml' },
] as const

/** A page with its tables made anew between their markers; that of errors stands in the README alone. */
export function withTables(page: string, action: Action): string {
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
  const tables = { inputs, outputs, ...(page.includes('<!-- errors -->') ? { errors } : {}) }
  return Object.entries(tables).reduce((text, [name, content]) => between(text, name, content), page)
}

function between(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`the page has no ${start} followed by ${end}`)
  return `${text.slice(0, from + start.length)}\n\n${content}\n\n${text.slice(to)}`
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  for (const { page, action } of PAGES) {
    const described = readAction(readFileSync(join(root, action), 'utf8'))
    writeFileSync(join(root, page), withTables(readFileSync(join(root, page), 'utf8'), described))
  }
}
