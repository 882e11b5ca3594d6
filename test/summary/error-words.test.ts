import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ERROR_WORDS } from '../../src/summary/error-words.ts'

const src = join(import.meta.dirname, '..', '..', 'src')
const sources = globSync('**/*.ts', { cwd: src })
  .filter((file) => file !== 'errors.ts')
  .map((file) => readFileSync(join(src, file), 'utf8'))
const rows = Object.entries(ERROR_WORDS)

describe('the words for errors', () => {
  it.each(rows)('%s says what happened and what to do, in sentences', (_, { meaning, remedy }) => {
    for (const words of [meaning, remedy]) expect(words).toMatch(/^[A-Z].{10,}\.$/)
  })

  it('name no code that nothing throws', () => {
    const unused = rows
      .map(([code]) => code)
      .filter((code) => !sources.some((text) => text.includes(`'${code}'`)))
    expect(unused).toEqual([])
  })

  it('speak of inputs that there are', () => {
    const action = readFileSync(join(src, '..', 'action.yml'), 'utf8')
    const named = rows.flatMap(
      ([, { meaning, remedy }]) => `${meaning} ${remedy}`.match(/\b[a-z]+(-[a-z]+)+\b/g) ?? [],
    )
    const words = ['id-token', 'read-only']
    const unknown = named.filter((name) => !words.includes(name) && !action.includes(`\n  ${name}:\n`))
    expect(unknown).toEqual([])
  })
})
