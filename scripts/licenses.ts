// What dist/licenses.txt says: the licence of every package that a bundle has code of.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Licences that may be in a bundle: they ask for their text, and for nothing of who uses the action. */
const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
])

/** A module as webpack's stats have it; one that was joined from others names them. */
export interface Module {
  readonly nameForCondition?: string | null
  readonly modules?: readonly Module[]
}

interface Package {
  readonly name: string
  readonly license: string
  readonly text: string
}

/** The directories of the packages that these modules are of. */
export function packagesOf(modules: readonly Module[]): readonly string[] {
  const directory = /^.*[\\/]node_modules[\\/](@[^\\/]+[\\/])?[^\\/]+/
  return [...new Set(modules.flatMap(filesOf).flatMap((file) => directory.exec(file)?.[0] ?? []))]
}

/** The text of dist/licenses.txt. Throws where a package has no licence that is allowed, or no text of it. */
export function licensesOf(directories: readonly string[], standardMit: string): string {
  const packages = directories.map((directory) => packageIn(directory, standardMit))
  const refused = packages.flatMap((bundled) => refusal(bundled) ?? [])
  if (refused.length > 0) throw new Error(`the bundle may not have these packages:\n${refused.join('\n')}`)
  const entries = packages.map(({ name, license, text }) => `${name}\n${license}\n${text}\n`)
  return [...new Set(entries)].sort().join('\n')
}

function filesOf({ nameForCondition, modules = [] }: Module): readonly string[] {
  return [nameForCondition ?? '', ...modules.flatMap(filesOf)]
}

function packageIn(directory: string, standardMit: string): Package {
  const { name, license, author } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const files = readdirSync(directory).filter((file) => /^(licen[cs]e|copying|notice)\b/i.test(file))
  const texts = files.sort().map((file) => readFileSync(join(directory, file), 'utf8').trimEnd())
  const holder = typeof author === 'string' ? author : author?.name
  // Some give no text: that of MIT is known, and lacks only who it is from.
  if (texts.length === 0 && license === 'MIT' && holder !== undefined) {
    texts.push(standardMit.replace(/^Copyright .*$/m, `Copyright (c) ${holder}`).trimEnd())
  }
  return { name, license: typeof license === 'string' ? license : '', text: texts.join('\n\n') }
}

function refusal({ name, license, text }: Package): string | undefined {
  // Of "A or B" both are asked for: nobody has to find out which of them was meant.
  const named = license.split(/[\s()]+/).filter((word) => !['', 'AND', 'OR'].includes(word))
  if (named.length === 0 || named.some((word) => !ALLOWED.has(word))) {
    return `${name}: its licence is "${license}", allowed are ${[...ALLOWED].join(', ')}`
  }
  return text === '' ? `${name}: it gives no text of its licence, ${license}` : undefined
}
