import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { listTree } from '../support/working-copy.ts'

/** What is made at a path (latin1): a file of this content, or something else. */
export type Made =
  | string
  | Buffer
  | { readonly kind: 'executable'; readonly content: string }
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'directory' }

export type Contents = Readonly<Record<string, Made>>

export const MTIME = 1_600_000_000
export const MIB = 2 ** 20

export const executable = (content: string): Made => ({ kind: 'executable', content })
export const linkTo = (target: string): Made => ({ kind: 'symlink', target })
export const directory: Made = { kind: 'directory' }

/** Makes a tree, the directories on the way included. Modes are those of an archive, whatever the umask. */
export function makeTree(root: string, contents: Contents): void {
  for (const [path, made] of Object.entries(contents)) {
    const place = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')])
    makeDirectories(root, path.slice(0, Math.max(0, path.lastIndexOf('/'))))
    if (typeof made === 'string' || Buffer.isBuffer(made)) makeFile(place, made, 0o644)
    else if (made.kind === 'executable') makeFile(place, made.content, 0o755)
    else if (made.kind === 'symlink') symlinkSync(Buffer.from(made.target, 'latin1'), place)
    else makeDirectories(root, path)
  }
}

function makeDirectories(root: string, path: string): void {
  const names = path.split('/').filter(Boolean)
  names.forEach((_, depth) => {
    const place = Buffer.from(names.slice(0, depth + 1).join('/'), 'latin1')
    const directory = Buffer.concat([Buffer.from(`${root}/`), place])
    mkdirSync(directory, { recursive: true })
    chmodSync(directory, 0o755)
  })
}

function makeFile(place: Buffer, content: string | Buffer, mode: number): void {
  writeFileSync(place, content)
  chmodSync(place, mode)
}

const LONG = 'n'.repeat(99)

/** A clone's tree with everything that git can hold and a tar has to say in more than one way. */
export const VARIED: Contents = {
  '.git/HEAD': 'ref: refs/heads/main\n',
  '.git/objects/ab/cdef': Buffer.from([0, 1, 2, 0xff]),
  '.git/objects/pack': directory,
  '.git/refs/heads/main': `${'1'.repeat(40)}\n`,
  '!first': 'sorts before .git',
  '.gitignore': '*.o\n',
  'bin/run': executable('#!/bin/sh\n'),
  empty: '',
  'empty-directory': directory,
  [LONG]: 'a name of 99 bytes',
  [`${LONG}n`]: 'of 100',
  [`${LONG}nn`]: 'of 101',
  [`a${LONG}/${LONG}`]: 'of 200, in a directory whose name takes 101 with its slash',
  [`b/${LONG}/c${LONG}/${LONG}/d/${LONG}`]: 'of 406',
  [`b/${LONG}/c${LONG}/empty`]: directory,
  'odd/caf\xc3\xa9': 'UTF-8',
  'odd/\xff\xfe\x80': 'bytes of no encoding',
  'odd/new\nline': 'x',
  'odd/back\\slash "quoted" \x01\x7f': 'x',
  'odd/ ends in blanks ': 'x',
  '-rf': 'x',
  'links/dangling': linkTo('../nowhere/\xff'),
  'links/up': linkTo('..'),
  'links/100': linkTo('t'.repeat(100)),
  'links/101': linkTo('t'.repeat(101)),
  [`links/${LONG}${LONG}`]: linkTo('t/'.repeat(300)),
}

/** Every entry of a tree as git sees it: of modes only whether the owner may execute. */
export function asGitSees(tree: string): string[] {
  return listTree(tree).map((line) =>
    line.replace(/ ([0-7]{3})(?=$| \d+ [0-9a-f]{64}$)/, (_, mode: string) =>
      (Number.parseInt(mode, 8) & 0o100) === 0 ? '' : ' executable',
    ),
  )
}
