import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coneOf } from '../../src/git/cone.ts'
import { git, gitBytes } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'

/** What git itself writes for these lines of the input. */
async function patternsFor(...lines: readonly string[]): Promise<string> {
  const directory = temporary()
  await git(directory, 'init', '--quiet')
  await git(directory, 'sparse-checkout', 'set', '--', ...lines)
  return readFileSync(join(directory, '.git/info/sparse-checkout'), 'latin1')
}

const latin1 = (text: string): string => Buffer.from(text).toString('latin1')

async function selectedBy(lines: readonly string[], paths: readonly string[]): Promise<string[]> {
  const cone = coneOf(await patternsFor(...lines))
  return paths.filter((path) => cone?.hasFile(latin1(path)) === true)
}

const PATHS = ['top', 'a/f', 'a/b/f', 'a/b/c/f', 'a/bb/f', 'ab/f', 'd/f', 'é/f', 'é/b/f', 'o o/f', '-d/f']

describe('the cone of what git writes', () => {
  it.each<[string[], string[]]>([
    [['a'], ['a/f', 'a/b/f', 'a/b/c/f', 'a/bb/f']],
    [['a/b'], ['a/f', 'a/b/f', 'a/b/c/f']],
    [['a/b/c'], ['a/f', 'a/b/f', 'a/b/c/f']],
    [
      ['a/b/c', 'a'],
      ['a/f', 'a/b/f', 'a/b/c/f', 'a/bb/f'],
    ],
    [
      ['a/b/', 'd/'],
      ['a/f', 'a/b/f', 'a/b/c/f', 'd/f'],
    ],
    [['./d'], ['d/f']],
    [['a/../d'], ['d/f']],
    [['é/b'], ['é/f', 'é/b/f']],
    [['o o'], ['o o/f']],
    [['-d'], ['-d/f']],
    [['none'], []],
    [['.'], []],
    [['d/f'], ['d/f']],
  ])('for %j has the files at the top and %j', async (lines, expected) => {
    expect(await selectedBy(lines, PATHS)).toEqual(['top', ...expected])
  })

  it('has the directories in which it has files, and no others', async () => {
    const cone = coneOf(await patternsFor('a/b'))
    const directories = ['a', 'a/b', 'a/b/c', 'a/c', 'b']
    expect(directories.filter((path) => cone?.hasDirectory(path))).toEqual(['a', 'a/b', 'a/b/c'])
  })

  it('takes in what differs in case alone, since git may do so', async () => {
    expect(await selectedBy(['A/B'], ['A/f', 'a/b/f', 'a/c/f'])).toEqual(['A/f', 'a/b/f'])
  })
})

describe('no cone is made', () => {
  it.each([
    ['nothing', ''],
    ['patterns as in a .gitignore', '\n/src/\n!*.md\n'],
    ['all files', '/*\n'],
    ['a name with an escape', '/*\n!/*/\n/a\\*b/\n'],
    ['a wildcard', '/*\n!/*/\n/a*/\n'],
    ['an exception', '/*\n!/*/\n/a/\n!/a/b/\n'],
    ['an exception of nothing', '/*\n!/*/\n!/a/*/\n'],
    ['a file', '/*\n!/*/\n/a\n'],
    ['a directory at any depth', '/*\n!/*/\na/\n'],
    ['a blank line', '/*\n!/*/\n\n/a/\n'],
  ])('of %s', (_, patterns) => {
    expect(coneOf(patterns)).toBeUndefined()
  })
})

const name = fc.constantFrom('a', 'b', 'c', 'é', 'x y', '.d')
const directory = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'))

it('a cone has the files that git leaves in its tree', { timeout: 60_000 }, async () => {
  const root = temporary()
  let number = 0
  const leftByGit = async (files: readonly string[], directories: readonly string[]) => {
    number += 1
    const place = join(root, `${number}`)
    mkdirSync(place)
    await git(place, 'init', '--quiet')
    const blob = (await gitBytes(place, ['hash-object', '-w', '--stdin'], Buffer.from('x'))).toString().trim()
    const index = files.map((path) => `100644 ${blob} 0\t${path}\0`).join('')
    await gitBytes(place, ['update-index', '-z', '--index-info'], Buffer.from(index))
    await git(place, 'commit', '--quiet', '--message=files')
    await git(place, 'sparse-checkout', 'set', '--', ...directories)
    const listed = await gitBytes(place, ['ls-files', '-z', '-t'])
    const left = listed.toString('latin1').split('\0')
    const kept = left.filter((line) => line.startsWith('H ')).map((line) => line.slice(2))
    return { kept, cone: coneOf(readFileSync(join(place, '.git/info/sparse-checkout'), 'latin1')) }
  }
  const someDirectories = fc.array(directory, { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(fc.array(directory, { maxLength: 12 }), someDirectories, async (places, directories) => {
      const files = ['f', ...new Set(places.map((place) => `${place}/f`))].sort()
      const { kept, cone } = await leftByGit(files, directories)
      expect(files.map(latin1).filter((path) => cone?.hasFile(path))).toEqual(kept)
      const above = kept.flatMap((path) => {
        const parts = path.split('/').slice(0, -1)
        return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
      })
      expect(above.filter((path) => cone?.hasDirectory(path) !== true)).toEqual([])
    }),
    { numRuns: 40 },
  )
})
