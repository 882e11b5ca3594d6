import { lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Environment } from '../../src/environment.ts'
import { fileFormBy, fileFormIn } from '../../src/git/file-form.ts'
import { gitIn } from '../../src/git/git.ts'
import { attributeFiles } from '../../src/git/machine-attributes.ts'
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
    expect(await fileFormIn(gitIn(tree, gitContext), gitContext.env)).toEqual({
      content: readFileSync(join(tree, 'file.txt'), 'utf8') === 'line\n' ? 'kept' : 'converted',
      symlinks: lstatSync(join(tree, 'link')).isSymbolicLink() ? 'links' : 'files',
    })
  })

  it.each<[string, Machine]>([
    ['nothing', {}],
    ['a filter', { settings: ['filter.up.smudge=tr a-z A-Z'] }],
    ['a filter for what is committed', { settings: ['filter.up.clean=tr A-Z a-z'] }],
    ['the filter of Git LFS', { settings: ['filter.lfs.smudge=git-lfs smudge -- %f'] }],
    ['attributes by a setting', { settings: ['core.attributesFile=~/mine'], files: ['home/mine'] }],
    ['attributes by a setting, and no file', { settings: ['core.attributesFile=~/mine'] }],
    ['attributes in the home directory', { files: ['home/.config/git/attributes'] }],
    ['attributes in XDG_CONFIG_HOME', { xdg: 'xdg', files: ['xdg/git/attributes'] }],
    ['attributes elsewhere than in XDG_CONFIG_HOME', { xdg: 'xdg', files: ['home/.config/git/attributes'] }],
    [
      'attributes elsewhere than by an empty setting',
      { settings: ['core.attributesFile='], files: ['home/.config/git/attributes'] },
    ],
    ['a file for attributes that has none', { empty: 'home/.config/git/attributes' }],
  ])('on a machine with %s is told as git writes them', async (_, machine) => {
    const root = temporary()
    const upstream = await makeUpstream({ root }, [
      [
        { path: '.gitattributes', content: '*.up filter=up\n*.large filter=lfs\n' },
        { path: 'file.up', content: 'line\n' },
        { path: 'file.large', content: 'line\n' },
        { path: 'file.txt', content: 'line\n' },
      ],
    ])
    const env = machineIn(root, machine)
    const tree = join(root, 'tree')
    const settings = (machine.settings ?? []).flatMap((setting) => ['-c', setting])
    const clone = ['clone', '--quiet', ...settings, upstream.directory, tree]
    await gitIn(root, { ...gitContext, env }).run(clone, { env: { GIT_ALLOW_PROTOCOL: 'file' } })
    const written = ['file.up', 'file.large', 'file.txt'].map((name) =>
      readFileSync(join(tree, name), 'utf8'),
    )
    const { content } = await fileFormIn(gitIn(tree, { ...gitContext, env }), env)
    expect(content).toBe(written.every((text) => text === 'line\n') ? 'kept' : 'converted')
  })

  it.each<[string, Record<string, string>, 'kept' | 'converted']>([
    ['nothing', {}, 'converted'],
    ['core.eol native', { 'core.eol': 'native' }, 'converted'],
    ['core.autocrlf false', { 'core.autocrlf': 'false' }, 'converted'],
    ['core.autocrlf false and core.eol lf', { 'core.autocrlf': 'false', 'core.eol': 'lf' }, 'kept'],
    ['core.autocrlf input', { 'core.autocrlf': 'input' }, 'kept'],
  ])('on Windows with %s has content that is %3$s', (_, settings, content) => {
    expect(fileFormBy(new Map(Object.entries(settings)), 'win32').content).toBe(content)
  })

  it.each<[string, 'kept' | 'converted']>([
    ['filter.a.b.process', 'converted'],
    ['filter.LFS.process', 'converted'],
    ['filter.lfs.more.process', 'converted'],
    ['filter.lfs.process', 'kept'],
    ['filter.process', 'kept'],
    ['filter.a.required', 'kept'],
  ])('where %s is set has content that is %s', (key, content) => {
    expect(fileFormBy(new Map([[key, 'program']]), 'linux').content).toBe(content)
  })

  it('may be other by attributes that only git can find', async () => {
    const root = temporary()
    await git(root, 'init', '--quiet')
    await git(root, 'config', 'core.attributesFile', '%(prefix)/attributes')
    expect((await fileFormIn(gitIn(root, gitContext), gitContext.env)).content).toBe('converted')
  })
})

it.each<[NodeJS.Platform, readonly string[]]>([
  ['linux', ['/home/me/.config/git/attributes', '/etc/gitattributes']],
  ['win32', ['/home/me/.config/git/attributes']],
])('the attributes of all repositories lie, on %s, in %j', (platform, files) => {
  expect(attributeFiles(new Map(), { HOME: '/home/me' }, platform)).toEqual(files)
})

/** What git is told for all repositories; each file in `files` gives all of them other line ends. */
interface Machine {
  readonly settings?: readonly string[]
  readonly files?: readonly string[]
  readonly empty?: string
  readonly xdg?: string
}

function machineIn(root: string, { files = [], empty, xdg }: Machine): Environment {
  const write = (path: string, text: string) => {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  for (const path of files) write(path, '* text eol=crlf\n')
  if (empty !== undefined) write(empty, '')
  const configs = xdg === undefined ? undefined : join(root, xdg)
  return { ...gitContext.env, HOME: join(root, 'home'), XDG_CONFIG_HOME: configs }
}
