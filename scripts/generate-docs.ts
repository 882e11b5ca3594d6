// Writes what is made from elsewhere: the tables of inputs and outputs (from each action.yml), of errors, and what the
// published benchmarks came to (README.md, docs/benchmarks.md). `npm run generate-docs`
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { benchmarksPage, readmePart } from '../bench/markdown-report.ts'
import { readPublished } from '../bench/published.ts'
import { ERROR_WORDS } from '../src/summary/error-words.ts'
import { table } from '../src/summary/markdown.ts'
import { type Action, readAction } from './action-yml.ts'
import { withPart } from './page-part.ts'

const ROOT = join(import.meta.dirname, '..')
/** Where the inputs and outputs of each action stand. */
const PAGES = [
  { page: 'README.md', action: 'action.yml' },
  { page: 'docs/save.md', action: 'save/action.yml' },
  { page: 'docs/warm.md', action: 'warm/action.yml' },
] as const

/** Every page that is made, or has parts that are, as it is to be. */
export function madePages(): ReadonlyMap<string, string> {
  const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8')
  const pages = new Map<string, string>()
  for (const { page, action } of PAGES) pages.set(page, withTables(read(page), readAction(read(action))))
  const run = readPublished()
  pages.set('README.md', withPart(pages.get('README.md') ?? '', 'benchmarks', readmePart(run)))
  pages.set('docs/benchmarks.md', benchmarksPage(run))
  return pages
}

/** A page with its tables made anew between their markers; that of errors stands in the README alone. */
function withTables(page: string, action: Action): string {
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
  return Object.entries(tables).reduce((text, [name, content]) => withPart(text, name, content), page)
}

export function writePages(): void {
  for (const [page, text] of madePages()) writeFileSync(join(ROOT, page), text)
}

if (import.meta.main) writePages()
