import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { licensesOf, packagesOf } from '../scripts/licenses.ts'
import { temporary } from './support/temporary.ts'

const root = join(import.meta.dirname, '..')
const STANDARD = 'MIT License\n\nCopyright (c) 2026 us\n\nPermission is hereby granted\n'

/** A package on disk with this package.json and these files. */
function installed(described: object, files: Readonly<Record<string, string>> = {}): string {
  const place = join(temporary(), 'package')
  mkdirSync(place)
  writeFileSync(join(place, 'package.json'), JSON.stringify({ name: 'some', ...described }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(place, name), text)
  return place
}

describe('the packages of a bundle', () => {
  it('are those that its modules lie in, however deep, each once', () => {
    const inDirectory = (file: string) => ({ nameForCondition: `/p/node_modules/${file}` })
    expect(
      packagesOf([
        inDirectory('undici/lib/a.js'),
        {
          modules: [inDirectory('undici/index.js'), { modules: [inDirectory('@actions/core/lib/core.js')] }],
        },
        inDirectory('debug/node_modules/ms/index.js'),
        { nameForCondition: 'C:\\p\\node_modules\\@azure\\logger\\index.js' },
        { nameForCondition: '/p/lib/main.js' },
        { nameForCondition: null },
      ]),
    ).toEqual([
      '/p/node_modules/undici',
      '/p/node_modules/@actions/core',
      '/p/node_modules/debug/node_modules/ms',
      'C:\\p\\node_modules\\@azure\\logger',
    ])
  })
})

describe('the licences of a bundle', () => {
  it('are all there, by name, with their texts and notices, and once where two copies say the same', () => {
    const b = installed({ name: 'b', license: 'MIT' }, { 'LICENSE.md': 'of b\n' })
    const again = installed({ name: 'b', license: 'MIT', version: '2.0.0' }, { LICENCE: 'of b' })
    const a = installed(
      { name: 'a', license: '(Apache-2.0 AND BSD-3-Clause)' },
      { LICENSE: 'of a', NOTICE: 'by a' },
    )
    expect(licensesOf([b, a, again], STANDARD)).toBe(
      'a\n(Apache-2.0 AND BSD-3-Clause)\nof a\n\nby a\n\nb\nMIT\nof b\n',
    )
  })

  it('have the text of MIT and the name of the author, where a package does not give it', () => {
    const byText = installed({ name: 'a', license: 'MIT', author: 'Ada <ada@example.com>' })
    const byObject = installed({ name: 'b', license: 'MIT', author: { name: 'Bob' } })
    const text = licensesOf([byText, byObject], STANDARD)
    expect(text).toContain('a\nMIT\nMIT License\n\nCopyright (c) Ada <ada@example.com>\n\nPermission')
    expect(text).toContain('Copyright (c) Bob\n')
    expect(text).not.toContain('2026 us')
  })

  it.each([
    [{ license: 'GPL-3.0-only' }, 'some: its licence is "GPL-3.0-only", allowed are 0BSD, Apache-2.0, '],
    [{ license: 'MIT OR GPL-2.0-only' }, 'some: its licence is "MIT OR GPL-2.0-only"'],
    [{ license: 'SEE LICENSE IN LICENSE' }, 'some: its licence is "SEE LICENSE IN LICENSE"'],
    [{ licenses: [{ type: 'MIT' }] }, 'some: its licence is ""'],
  ])('are refused where one of them is not allowed: %j', (described, words) => {
    const directory = installed(described, { LICENSE: 'text' })
    expect(() => licensesOf([directory], STANDARD)).toThrow(words)
  })

  it('are refused where a text is missing that is not known, all such packages in one go', () => {
    const unnamed = installed({ name: 'unnamed', license: 'MIT' })
    const apache = installed({ name: 'apache', license: 'Apache-2.0', author: 'Ada' }, { LICENSE: '\n' })
    expect(() => licensesOf([unnamed, apache], STANDARD)).toThrow(
      'the bundle may not have these packages:\n' +
        'unnamed: it gives no text of its licence, MIT\napache: it gives no text of its licence, Apache-2.0',
    )
  })

  it('are those of everything that the actions need at run time', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const written = `\n${readFileSync(join(root, 'dist/licenses.txt'), 'utf8')}`
    for (const name of Object.keys(dependencies))
      expect(written).toMatch(new RegExp(`\\n${name}\\n[^\\n]+\\n[^\\n]`))
  })
})
