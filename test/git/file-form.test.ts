import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fileFormBy, fileFormIn } from '../../src/git/file-form.ts'
import { gitIn } from '../../src/git/git.ts'
import { git, makeUpstream } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

const SETTINGS: readonly (readonly string[])[] = [
  [],
  ['core.autocrlf=true'],
  ['core.autocrlf=YES'],
  ['core.autocrlf'],
  ['core.autocrlf=1'],
  ['core.autocrlf=input'],
  ['core.autocrlf=Input'],
  ['core.autocrlf=false'],
  ['core.autocrlf='],
  ['core.autocrlf=0'],
  ['core.autocrlf=true', 'core.autocrlf=off'],
  ['core.eol=crlf'],
  ['core.eol=CRLF'],
  ['core.eol=lf'],
  ['core.eol=native'],
  ['core.eol=crlf', 'core.autocrlf=no'],
  ['core.symlinks=false'],
  ['core.symlinks=No'],
  ['core.symlinks=true'],
  ['core.symlinks=false', 'core.symlinks=1'],
]

describe.skipIf(process.platform === 'win32')('the form of files', () => {
  it.each(SETTINGS.map((settings) => [settings]))('with %j is told as git writes them', async (settings) => {
    const root = temporary()
    const upstream = await makeUpstream({ root }, [
      [
        { path: '.gitattributes', content: '*.txt text\n' },
        { path: 'file.txt', content: 'line\n' },
        { path: 'link', content: 'file.txt', kind: 'symlink' },
      ],
    ])
    const tree = join(root, 'tree')
    await git(
      root,
      'clone',
      '--quiet',
      ...settings.flatMap((setting) => ['-c', setting]),
      upstream.directory,
      tree,
    )
    expect(await fileFormIn(gitIn(tree, gitContext))).toEqual({
      lineEnds: readFileSync(join(tree, 'file.txt'), 'utf8') === 'line\n' ? 'kept' : 'converted',
      symlinks: lstatSync(join(tree, 'link')).isSymbolicLink() ? 'links' : 'files',
    })
  })

  it.each<[string, Record<string, string>, 'kept' | 'converted']>([
    ['nothing', {}, 'converted'],
    ['core.eol native', { 'core.eol': 'native' }, 'converted'],
    ['core.autocrlf false', { 'core.autocrlf': 'false' }, 'converted'],
    ['core.autocrlf false and core.eol lf', { 'core.autocrlf': 'false', 'core.eol': 'lf' }, 'kept'],
    ['core.autocrlf input', { 'core.autocrlf': 'input' }, 'kept'],
  ])('on Windows with %s has line ends that are %3$s', (_, settings, lineEnds) => {
    expect(fileFormBy(new Map(Object.entries(settings)), 'win32').lineEnds).toBe(lineEnds)
  })
})
