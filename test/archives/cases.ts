import type { ErrorCode } from '../../src/errors.ts'
import { base256, type TarEntry, type TarOptions, tar } from '../support/archive.ts'

/** What an unpacked tree holds: for each path (latin1) a file's content, or what the functions below say. */
export type Contents = Readonly<Record<string, string | Special>>

export type Special =
  | { readonly kind: 'executable'; readonly content: string }
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'directory' }

/** An archive and what becomes of it: an error, or exactly these contents. */
export interface Case {
  readonly id: string
  readonly title: string
  /** The tar; `outside` is a directory beside the tree, `../outside` from its root. */
  readonly archive: (outside: string) => Buffer
  readonly expected: ErrorCode | Contents
}

const executable = (content: string): Special => ({ kind: 'executable', content })
const linkTo = (target: string): Special => ({ kind: 'symlink', target })
const directory: Special = { kind: 'directory' }

type Name = string | Buffer
type Entries = readonly (TarEntry | Buffer)[]

const F = (name: Name, body: Name = 'planted'): TarEntry => ({ name, body })
const D = (name: Name, mode = 0o755): TarEntry => ({ name, type: 'directory', mode })
const S = (name: Name, linkname: Name): TarEntry => ({ name, type: 'symlink', linkname })
const L = (name: Name, linkname: Name): TarEntry => ({ name, type: 'hardlink', linkname })
const X = (pax: NonNullable<TarEntry['pax']>, entry: TarEntry): TarEntry => ({ ...entry, pax })
/** A header that is not followed by the entry that it is for. */
const meta = (type: string, body: Name): TarEntry => ({ name: 'meta', type, body })
const longName = (name: string): TarEntry => meta('longName', `${name}\0`)
const longLink = (name: string): TarEntry => meta('longLink', `${name}\0`)

const is = (
  id: string,
  title: string,
  entries: Entries | ((outside: string) => Entries),
  expected: Case['expected'],
  options: TarOptions = {},
): Case => ({
  id,
  title,
  archive: (outside) => tar(typeof entries === 'function' ? entries(outside) : entries, options),
  expected,
})

const UNSAFE = 'UNSAFE_ENTRY'
const CORRUPT = 'CORRUPT_ARCHIVE'
const TOO_MUCH = 'LIMIT_EXCEEDED'
const MIB = 2 ** 20
const NFC = '\u00e9'
const NFD = 'e\u0301'

/** A name in a title: what cannot be seen is told by its code points. */
const shown = (name: string): string =>
  JSON.stringify(name).replace(/[^ -~]/gu, (sign) => `U+${(sign.codePointAt(0) ?? 0).toString(16)}`)

const latin1 = (text: string): string => Buffer.from(text).toString('latin1')

export const CASES: readonly Case[] = [
  // Paths that lead out of the tree.
  is('T01', 'an absolute path', (out) => [F(`${out}/T01`)], UNSAFE),
  is('T02', 'an absolute path with two slashes', (out) => [F(`/${out}/T02`)], UNSAFE),
  is('T03', 'a path through ..', [F('../outside/T03')], UNSAFE),
  is('T03', 'a path through .. after ./', [F('./../outside/T03')], UNSAFE),
  is('T04', 'a path through .. farther in', [F('a/../../outside/x')], UNSAFE),
  is('T05', 'a file named ..', [F('..')], UNSAFE),
  is('T06', 'a directory named ../', [D('../', 0o777)], UNSAFE),
  is('T07', 'a symlink in the place of the root', (out) => [S('.', out), F('x')], UNSAFE),
  is('T08', 'a root that nobody may read', [D('./', 0), F('./f', 'x')], { f: 'x' }),
  is('T09', 'a file without a name', [F('')], UNSAFE),
  is('T10', 'a file named /', [F('/', '')], UNSAFE),
  is('T10', 'a file named //', [F('//', '')], UNSAFE),
  is('T10', 'a file named ./.', [F('./.')], UNSAFE),
  is('T10', 'a file named ///..', [F('///..')], UNSAFE),
  is('T10', 'a file named ./', [F('./', '')], {}),
  is('T10', 'a path with two slashes inside', [F('a//b')], UNSAFE),
  is('T10', 'a path with two slashes after its dot', [F('.//b')], UNSAFE),
  is('T10', 'a link of such a name, and a file below it', (out) => [S('.//l', out), F('l/x')], UNSAFE),
  is('T10', 'a directory of nothing but dot and slashes', [D('.//')], UNSAFE),
  is('T10', 'a path with . inside', [F('a/./b')], UNSAFE),

  // Links on the way to something.
  is('T11', 'a file below a symlink', (out) => [S('l', out), F('l/x')], UNSAFE),
  is('T12', 'a file below a relative symlink', [S('l', '../outside'), F('l/x')], UNSAFE),
  is('T15', 'a file in the place of a symlink', (out) => [S('m', `${out}/secret`), F('m')], UNSAFE),
  is('T16', 'a file in the place of a dangling symlink', (out) => [S('m', `${out}/new`), F('m')], UNSAFE),
  is('T17', 'a symlink in the place of a directory', (out) => [D('d'), S('d', out), F('d/x')], UNSAFE),
  is('T18', 'such a symlink with a slash at its end', (out) => [D('d'), S('d/', out), F('d/x')], UNSAFE),
  is(
    'T19',
    'symlinks that lead out together, and a hard link through them',
    [
      ...[D('a'), D('a/b'), D('a/b/c'), S('a/b/c/up', '../..'), S('a/b/escape', 'c/up/../..')],
      ...[L('exfil', 'a/b/escape/outside/secret'), F('exfil')],
    ],
    UNSAFE,
  ),
  is('T20', 'a hard link to an absolute path', (out) => [L('h', `${out}/secret`), F('h')], UNSAFE),
  is('T21', 'a hard link through ..', [L('h', '../outside/secret'), F('h')], UNSAFE),
  is('T22', 'a hard link through a symlink', [S('esc', '../outside'), L('h', 'esc/secret'), F('h')], UNSAFE),
  is('T24', 'a symlink to what begins like the root', [S('l', '../tree-evil'), F('l/x')], UNSAFE),
  is('T25', 'a directory in the place of a symlink', (out) => [S('foo', out), D('foo', 0o777)], UNSAFE),
  is('T26', 'a file below such a directory', (out) => [S('foo', out), D('foo'), F('foo/x')], UNSAFE),
  is('T27', 'a file below symlinks in a circle', [S('a', 'b'), S('b', 'a'), F('a/x')], UNSAFE),
  is('T28', 'a hard link to itself', [L('h', 'h')], UNSAFE),
  is('T29', 'a hard link to nothing', [L('h', 'nope'), F('after')], UNSAFE),
  is('T30', 'a hard link before its target', [L('h', 't'), F('t')], UNSAFE),
  is('T22', 'a hard link to a symlink', [F('t'), S('l', 't'), L('h', 'l')], UNSAFE),
  is('T32', 'a file below a file', [F('f'), F('f/child')], UNSAFE),
  is('T33', 'a file in the place of a directory', [F('d/x'), F('d')], UNSAFE),
  is('T34', 'the same file twice', [F('f', '0123456789'), F('f', '1')], UNSAFE),
  is('T34', 'the same file once with ./', [F('f'), F('./f')], UNSAFE),
  is('T34', 'the same directory twice', [D('d'), D('./d/'), F('d/x', 'x')], { 'd/': directory, 'd/x': 'x' }),

  // What some file system takes for .git.
  is('T35', '.GIT', [D('.git'), F('.git/HEAD'), F('.GIT/config')], UNSAFE),
  is('T35', '.Git', [D('.git'), F('.Git/hooks/post-checkout')], UNSAFE),
  is('T35', '.git below a directory', [F('sub/.git/config')], UNSAFE),
  is('T35', '.GIT below a directory', [D('sub/.GIT')], UNSAFE),
  is('T36', 'names that differ in their normalisation', (out) => [S(NFC, out), F(`${NFD}/x`, 'x')], {
    [latin1(NFC)]: linkTo('OUTSIDE'),
    [`${latin1(NFD)}/`]: directory,
    [`${latin1(NFD)}/x`]: 'x',
  }),
  is(
    'T37',
    'names that differ in their case folding',
    (out) => [S('ß', out), F('ss/x', 'x'), S('ﬀ', out), F('ff/x', 'x')],
    {
      ...{ [latin1('ß')]: linkTo('OUTSIDE'), 'ss/': directory, 'ss/x': 'x' },
      ...{ [latin1('ﬀ')]: linkTo('OUTSIDE'), 'ff/': directory, 'ff/x': 'x' },
    },
  ),
  ...[
    '.g\u200cit',
    '.git\u206f',
    '\ufeff.git',
    'git~1',
    'GIT~1',
    '.git ',
    '.git.',
    '.git . .',
    '.git::$INDEX_ALLOCATION',
    '.git\\x',
    '.g\u00adit',
    '.git\ufe0f',
    '\uff0egit',
  ].flatMap((name, index) => [
    is('T38', `${shown(name)}, the name ${index}`, [F(`${name}/config`)], UNSAFE),
    is('T38', `${shown(name)} as a file, farther in, the name ${index}`, [F(`a/${name}`)], UNSAFE),
  ]),
  is(
    'T38',
    'names that only look a little like .git',
    [F('.gitx'), F('git'), F('.gitignore'), F('git~10'), F('.g')],
    {
      ...{
        '.gitx': 'planted',
        git: 'planted',
        '.gitignore': 'planted',
        'git~10': 'planted',
        '.g': 'planted',
      },
    },
  ),

  // Names told in ways that readers disagree on.
  is(
    'T39',
    'a NUL inside a name',
    [{ ...F('x'), format: 'ustar', patch: (block) => void block.write('good\0/../../outside/x', 0) }],
    CORRUPT,
  ),
  is('T40', 'a pax path that leads out', [X({ path: '../outside/x' }, F('safe'))], UNSAFE),
  is(
    'T41',
    'a pax target with a file below',
    (out) => [X({ linkpath: out }, S('l', 'safe')), F('l/x')],
    UNSAFE,
  ),
  is('T42', 'a pax path with a NUL', [X({ path: 'a\0b' }, F('f'))], CORRUPT),
  is('T43', 'an empty pax path', [X({ path: '' }, F('f'))], CORRUPT),
  is('T44', 'a path for all entries', [meta('global', '21 path=../outside/x\n'), F('f')], CORRUPT),
  is(
    'T44',
    'a comment for all entries, as git archive writes it',
    [meta('global', '18 comment=hello!\n'), F('f')],
    {
      f: 'planted',
    },
  ),
  {
    id: 'T46',
    title: 'an archive inside, hidden by a header that says 0 bytes',
    archive: () => {
      const inner = tar([F('inner')])
      return tar([X({ size: `${inner.length}` }, { name: 'nested.tar', size: 0, body: inner })])
    },
    expected: { 'nested.tar': tar([F('inner')]).toString('latin1') },
  },
  is('T47', 'a pax size of -1', [X({ size: '-1' }, F('f'))], CORRUPT),
  is('T48', 'a pax size of 2^63', [X({ size: `${2n ** 63n}` }, F('f'))], CORRUPT),
  ...['999 path=x\n', '0 path=x\n', '8 pathx\n', '8 path=x', '+13 path=foo\n', '9 path=x\n\0'].map(
    (body, index) =>
      is(
        `T49${'abcdea'[index]}`,
        `the pax record ${JSON.stringify(body)}`,
        [X(Buffer.from(body), F('f'))],
        CORRUPT,
      ),
  ),
  is('T50', 'a pax header of 64 MiB', [X({ comment: Buffer.alloc(64 * MIB, 'c') }, F('f'))], TOO_MUCH),
  is('T51', 'a long name of 8 GiB, then the end', [{ ...longName('n'), size: 2 ** 33 }], TOO_MUCH, {
    end: 'none',
  }),
  is('T51b', 'a long name of 64 MiB', [longName('n'.repeat(64 * MIB)), F('f')], TOO_MUCH),
  is('T52', 'a long name that leads out', [longName('../outside/x'), F('safe')], UNSAFE),
  is('T52b', 'a long target with a file below', (out) => [longLink(out), S('l', 'safe'), F('l/x')], UNSAFE),
  is('T53', 'a long name and a pax path', [longName('a'), X({ path: 'b' }, F('f'))], CORRUPT),
  is('T54', 'a long name before the end', [F('f'), longName('a')], CORRUPT),
  is('T54', 'a pax header before the end', [F('f'), meta('pax', '9 path=x\n')], CORRUPT),

  // Numbers.
  is('T55', 'a base-256 size', [{ name: 'f', size: base256(5, 12), body: 'fives' }], { f: 'fives' }),
  is('T56', 'a base-256 size of 2^70', [{ name: 'f', size: base256(2n ** 70n, 12) }], CORRUPT),
  is('T57', 'a negative base-256 size', [{ name: 'f', size: base256(-1, 12) }], CORRUPT),
  is('T58a', 'a size with a sign', [{ name: 'f', size: Buffer.from('-0000000001') }], CORRUPT),
  is('T58b', 'a size in letters', [{ name: 'f', size: Buffer.from('zzzz') }], CORRUPT),
  is('T58c', 'a size of spaces', [{ name: 'f', size: Buffer.alloc(12, ' ') }], CORRUPT),
  is('T58c', 'a size of NULs', [{ name: 'f', size: Buffer.alloc(12) }], { f: '' }),

  // Ends.
  is('T59', 'content that is cut off', [{ name: 'f', size: 5000, body: 'x'.repeat(1000) }], CORRUPT, {
    end: 'none',
  }),
  is('T60', 'a header that is cut off', [F('f'), tar([F('g')]).subarray(0, 300)], CORRUPT, { end: 'none' }),
  is('T61', 'no end', [F('f')], CORRUPT, { end: 'none' }),
  is('T61', 'half an end', [F('f'), Buffer.alloc(512)], CORRUPT, { end: 'none' }),
  is('T62', 'a lone zero block', [F('a'), Buffer.alloc(512), F('b')], CORRUPT),
  is('T64', 'garbage after the end', [F('a'), Buffer.alloc(1024), Buffer.alloc(512, 'g')], CORRUPT, {
    end: 'none',
  }),
  is('T64', 'another archive after the end', [F('a'), Buffer.alloc(1024), F('b')], CORRUPT),
  is('T65', 'a wrong checksum', [F('a'), { ...F('b'), checksum: 1 }], CORRUPT),

  // Types.
  is('T67a', 'a symlink with content', [{ ...S('l', 't'), body: 'x'.repeat(512) }], CORRUPT),
  is('T67b', 'a directory with content', [{ ...D('d'), body: 'x'.repeat(512) }], CORRUPT),
  is('T67c', 'a hard link with content', [F('t'), { ...L('h', 't'), body: 'x'.repeat(512) }], CORRUPT),
  ...['character', 'block', 'fifo', '7', 'Z', 'V', 'N', 'D', 'M', 'X'].map((type, index) =>
    is(
      `T68${'abcdefghie'[index]}`,
      `the type ${type}`,
      [{ name: 'f', type, body: 'Symlink /etc/passwd to evil\n' }, F('g')],
      CORRUPT,
    ),
  ),
  is('T68f', 'a label of a negative size', [{ name: 'v', type: 'V', size: base256(-1, 12) }], CORRUPT),
  is(
    'T69a',
    'a sparse file of 8 GiB, as old GNU tar wrote it',
    [{ ...F('f'), type: 'S', patch: (block) => void base256(2 ** 33, 12).copy(block, 483) }],
    CORRUPT,
  ),
  is(
    'T69b',
    'a sparse file in pax, of a million holes',
    [
      X(
        { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0' },
        F('f', Buffer.concat([Buffer.from('1000000\n'), Buffer.alloc(2_000_000, '0\n')])),
      ),
    ],
    CORRUPT,
  ),
  is(
    'T69b',
    'a sparse file in pax',
    [X({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0' }, F('f'))],
    CORRUPT,
  ),

  // Modes, owners and times.
  is('T70', 'setuid, setgid and sticky bits', [{ ...F('f', 'x'), mode: 0o6755 }, D('d', 0o7777)], {
    f: executable('x'),
    'd/': directory,
  }),
  is(
    'T70',
    'every mode',
    [
      { ...F('a', 'x'), mode: 0 },
      { ...F('b', 'x'), mode: 0o1 },
      { ...F('c', 'x'), mode: 0o666 },
    ],
    {
      a: 'x',
      b: executable('x'),
      c: 'x',
    },
  ),
  is('T71', 'a directory that nobody may enter', [D('d', 0), F('d/x', 'x')], { 'd/': directory, 'd/x': 'x' }),
  is('T72a', 'a time far away', [{ ...F('f', 'x'), mtime: 0o77777777777 }], { f: 'x' }),
  ...['1e30', '-1e30', 'nan'].map((mtime) =>
    is('T72b', `the time ${mtime}`, [X({ mtime }, F('f'))], CORRUPT),
  ),
  is('T72c', 'a time of 2^80', [{ ...F('f', 'x'), mtime: base256(2n ** 80n, 12) }], { f: 'x' }),
  is(
    'T73',
    'huge owners',
    [
      X({ uid: '4294967296', gid: '4294967296' }, F('a', 'x')),
      { ...F('b', 'x'), uid: base256(2n ** 40n, 8) },
    ],
    { a: 'x', b: 'x' },
  ),

  // Names that are long, or odd.
  is('T76a', 'a path 3000 deep', [longName('d/'.repeat(3000).concat('f')), F('f')], UNSAFE),
  is('T76b', 'a name of 300 bytes', [F(`a/${'n'.repeat(300)}`)], UNSAFE),
  is('T76c', 'a path of 5 KiB', [F(`${'n'.repeat(250)}/`.repeat(20).concat('f'))], UNSAFE),
  is(
    'T77',
    'names that a log would take for commands',
    [
      F('\n::set-output name=x::y', 'x'),
      F('##[add-path]x', 'x'),
      F('\x1b[31m', 'x'),
      F('\r::error::', 'x'),
      F('\u2028', 'x'),
    ],
    {
      '\n::set-output name=x::y': 'x',
      '##[add-path]x': 'x',
      '\x1b[31m': 'x',
      '\r::error::': 'x',
      [latin1('\u2028')]: 'x',
    },
  ),
  is(
    'T78',
    'names that are no UTF-8',
    [
      F(Buffer.from('\xff\xfe/\x80', 'latin1'), 'x'),
      S(Buffer.from('\xe9', 'latin1'), Buffer.from('\xff', 'latin1')),
    ],
    {
      '\xff\xfe/': directory,
      '\xff\xfe/\x80': 'x',
      '\xe9': linkTo('\xff'),
    },
  ),
  is('T79', 'a directory of v7', [{ name: 'olddir/', format: 'v7' }], { 'olddir/': directory }),
  is(
    'T80',
    'names that a command would take for options',
    [F('-rf', 'x'), F('--checkpoint-action=exec=sh x', 'x')],
    {
      '-rf': 'x',
      '--checkpoint-action=exec=sh x': 'x',
    },
  ),
  is(
    'T81',
    'extended attributes',
    [
      X(
        { 'SCHILY.xattr.security.capability': Buffer.from([1, 0, 0, 2]), 'SCHILY.acl.access': 'user::rwx' },
        F('f', 'x'),
      ),
    ],
    { f: 'x' },
  ),

  // The .git directory.
  is('T83a', 'a file in the place of .git', [F('.git', 'gitdir: ../outside/evil.git')], UNSAFE),
  is('T83b', 'a symlink in the place of .git', (out) => [S('.git', out), F('.git/config')], UNSAFE),
  is('T83c', 'a symlink inside .git', (out) => [D('.git'), S('.git/hooks', out), F('.git/hooks/x')], UNSAFE),
  is('T83c', 'a hard link inside .git', [F('f'), L('.git/HEAD', 'f')], UNSAFE),
  is('T83c', 'a hard link to what is inside .git', [F('.git/HEAD'), L('f', '.git/HEAD')], UNSAFE),
  is('T83a', 'a hard link in the place of .git', [F('f'), L('.git', 'f')], UNSAFE),
  is(
    'T84',
    'names of Windows',
    ['..\\..\\x', 'C:\\x', 'C:x', '\\\\srv\\share', 'a:stream', 'CON', 'dot.', 'sp '].map((name) =>
      F(name, 'x'),
    ),
    {
      ...{ '..\\..\\x': 'x', 'C:\\x': 'x', 'C:x': 'x', '\\\\srv\\share': 'x' },
      ...{ 'a:stream': 'x', CON: 'x', 'dot.': 'x', 'sp ': 'x' },
    },
  ),
  is(
    'T85',
    'a file, a symlink and a file of one name',
    (out) => [F('f'), S('f', `${out}/secret`), F('f')],
    UNSAFE,
  ),
  is('T87', 'a symlink to an absolute path', (out) => [S('abs', out)], { abs: linkTo('OUTSIDE') }),
  is('T88', 'a hard link to a directory', [D('d'), L('h', 'd'), F('h/x')], UNSAFE),
  is('T89', 'no entries', [], {}),
  is('T91', 'HTML', [Buffer.concat([Buffer.from('<!DOCTYPE html>'), Buffer.alloc(497)])], CORRUPT),
  is(
    'T92',
    'all that a tree has',
    [
      ...[D('./'), D('./d'), { ...F('./d/run', 'run'), mode: 0o755 }, F('./t', 't')],
      ...[S('./d/up', '../d/../d/t'), L('./d/h', './t'), L('./h', 't'), L('./hx', './d/run')],
    ],
    {
      ...{ 'd/': directory, 'd/run': executable('run'), t: 't', 'd/up': linkTo('../d/../d/t') },
      ...{ 'd/h': 't', h: 't', hx: executable('run') },
    },
  ),
  is(
    'T93',
    'symlinks to anywhere, which git allows',
    [
      S('out', '../../outside/x'),
      S('abs', '/etc/hosts'),
      S('dangling', 'no'),
      S('long', 't'.repeat(4095)),
      S('nl', 'a\nb'),
      S('self', 'self'),
    ],
    {
      ...{ out: linkTo('../../outside/x'), abs: linkTo('/etc/hosts'), dangling: linkTo('no') },
      ...{ long: linkTo('t'.repeat(4095)), nl: linkTo('a\nb'), self: linkTo('self') },
    },
  ),
  is('T93', 'a symlink to more than a system takes', [S('l', 't'.repeat(4096))], UNSAFE),
  is('T93', 'a symlink to nothing', [S('l', '')], UNSAFE),
  is(
    'T96',
    'many symlinks, then files elsewhere',
    [...Array.from({ length: 2000 }, (_, n) => S(`l/${n}`, '../outside')), F('f/x', 'x')],
    {
      'l/': directory,
      ...Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`l/${n}`, linkTo('../outside')])),
      'f/': directory,
      'f/x': 'x',
    },
  ),
  is(
    'T97',
    'damaged packs and objects, which git will find',
    [F('.git/objects/pack/pack-1.pack', 'PACK'), F('.git/objects/ab/cd', 'bad')],
    {
      ...{
        '.git/': directory,
        '.git/objects/': directory,
        '.git/objects/pack/': directory,
        '.git/objects/ab/': directory,
      },
      ...{ '.git/objects/pack/pack-1.pack': 'PACK', '.git/objects/ab/cd': 'bad' },
    },
  ),
  is('T98', 'a HEAD that leads elsewhere, which is checked later', [F('.git/HEAD', 'ref: ../../x')], {
    '.git/': directory,
    '.git/HEAD': 'ref: ../../x',
  }),
  is(
    'T100',
    'parts of .git that are not taken over',
    [
      ...[D('.git'), F('.git/HEAD', 'x'), F('.git/config'), F('.git/index'), F('.git/hooks/post-checkout')],
      ...[
        D('.git/modules/x'),
        F('.git/modules/x/config'),
        F('.git/worktrees/y/gitdir'),
        F('.git/refs/heads/a.lock'),
      ],
      ...[F('.git/objects/info/alternates'), F('after', 'x')],
    ],
    { '.git/': directory, '.git/HEAD': 'x', after: 'x' },
  ),
]
