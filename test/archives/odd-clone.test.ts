import { isUtf8 } from 'node:buffer'
import { execFileSync } from 'node:child_process'
import { chmodSync, linkSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, beforeEach, expect, it } from 'vitest'
import { zstdFrame } from '../support/archive.ts'
import { type FileChange, git, makeUpstream, variedHistory } from '../support/git-repo.ts'
import { skipWithout } from '../support/programs.ts'
import { serveArchive } from '../support/served-archive.ts'
import { cloneOf, expectSameAsClone } from '../support/working-copy.ts'
import { Step } from './step.ts'

const MAX_BYTES = 2 ** 28
const symlink = (path: string, content: string): FileChange => ({ path, content, kind: 'symlink' })

/** All that git tracks and archives seldom hold. */
const HISTORY: FileChange[][] = [
  ...variedHistory(),
  [
    symlink('links/out', '../../outside/secret'),
    symlink('links/absolute', '/etc/hosts'),
    symlink('links/self', 'self'),
    symlink('links/line', 'a\nb'),
    symlink('links/long', 't'.repeat(4095)),
    { path: 'names/\n::set-output name=x::y', content: 'x' },
    { path: 'names/##[add-path]x', content: 'x' },
    { path: 'names/\u001b[31m\r::error::', content: 'x' },
    { path: 'names/--checkpoint-action=exec=sh x', content: 'x' },
    { path: `names/${'n'.repeat(255)}`, content: 'x' },
    { path: `${'d/'.repeat(200)}deep`, content: 'x' },
    { path: 'same/one', content: 'the same\n', kind: 'executable' },
    { path: 'same/two', content: 'the same\n', kind: 'executable' },
  ],
]

let clone: string
let expected: string

/** A clone as somebody left it: a file with two names, bits and times that no checkout makes. */
beforeAll(async () => {
  const root = mkdtempSync(join(tmpdir(), 'odd-clone-'))
  const upstream = await makeUpstream({ root }, HISTORY)
  expected = await cloneOf(upstream, root)
  clone = join(root, 'odd')
  await git(root, 'clone', '--quiet', upstream.directory, clone)
  rmSync(join(clone, 'same/two'))
  linkSync(join(clone, 'same/one'), join(clone, 'same/two'))
  chmodSync(join(clone, 'bin/run'), 0o6755)
  chmodSync(join(clone, 'src'), 0o700)
  return () => rmSync(root, { recursive: true, force: true })
})
beforeEach((context) => skipWithout(context, 'tar'))

const FORMATS = [
  { id: 'T92', what: 'of GNU tar, as a server writes it', options: [] },
  { id: 'T77', what: 'of names that a log would take for commands', options: ['--format=gnu'] },
  { id: 'T78', what: 'of names that are no UTF-8, in pax', options: ['--format=posix'] },
  { id: 'T55', what: 'of old GNU tar', options: ['--format=oldgnu'] },
  { id: 'T72a', what: 'of times long past', options: ['--format=gnu', '--mtime=@-100000'] },
  { id: 'T72c', what: 'of times far away, in pax', options: ['--format=pax', '--mtime=@99999999999'] },
  {
    id: 'T73',
    what: 'of the largest owners',
    options: ['--numeric-owner', '--owner=4294967295', '--group=2097152'],
  },
  { id: 'T93', what: 'of symlinks to anywhere, in pax', options: ['--format=pax'] },
  {
    id: 'T81',
    what: 'of extended attributes',
    options: [
      '--format=pax',
      '--pax-option=SCHILY.xattr.security.capability:=x,SCHILY.acl.access:=user::rwx',
    ],
  },
] as const

it.for(FORMATS.map((row) => [`${row.id}: an archive ${row.what}`, row] as const))(
  '%s, is the commit in every byte, name and bit',
  async ([, { options }]) => {
    const archive = execFileSync('tar', ['-cpf', '-', '-C', clone, ...options, '.'], { maxBuffer: MAX_BYTES })
    const url = await serveArchive(zstdFrame(archive, { checksum: true }))
    const step = new Step()
    const sha = await git(clone, 'rev-parse', 'HEAD')
    const { outcome } = await step.run(url, {}, sha)
    expect(outcome).toBe('restored')
    expect(readdirSync(join(step.workspace, 'data'), 'buffer').filter((name) => !isUtf8(name))).toHaveLength(
      1,
    )
    await expectSameAsClone(step.workspace, expected)
    expect(lstatSync(join(step.workspace, 'bin/run')).mode & 0o6000).toBe(0)
  },
)
