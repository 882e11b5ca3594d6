import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type TarEntry, TarParser } from '../../src/unpack/tar.ts'
import { base256, tar } from '../support/archive.ts'
import { skipWithout } from '../support/programs.ts'
import { everyBytes, pieces, sampleBytes, temporaryDirectory } from './fixture.ts'

/** A member and its content. */
type Member = TarEntry & { readonly body: string }

/** The members of an archive given in pieces. */
function parse(bytes: Buffer, cuts: readonly number[] = []): Member[] {
  const parser = new TarParser()
  const members: { entry: TarEntry; body: Buffer[] }[] = []
  for (const piece of pieces(bytes, cuts)) {
    for (const event of parser.push(piece)) {
      if (event.kind === 'entry') members.push({ entry: event.entry, body: [] })
      else {
        expect(event.end).toBeGreaterThan(event.start)
        members.at(-1)?.body.push(piece.subarray(event.start, event.end))
      }
    }
  }
  parser.end()
  return members.map(({ entry, body }) => ({ ...entry, body: Buffer.concat(body).toString('latin1') }))
}

function errorOf(bytes: Buffer, cuts: readonly number[] = []): unknown {
  try {
    parse(bytes, cuts)
  } catch (error) {
    return error
  }
  return undefined
}

/** Expects the same error whether the archive comes in one piece or byte by byte. */
function expectRefused(bytes: Buffer, code: string, words = ''): void {
  const error = errorOf(bytes)
  expect(error).toMatchObject({ code, message: expect.stringContaining(words) })
  expect(errorOf(bytes, everyBytes(bytes.length, 1))).toEqual(error)
}

const file = (path: string, body = '', executable = false): Member => ({
  kind: 'file',
  path,
  target: '',
  size: body.length,
  executable,
  body,
})
const directory = (path: string): Member => ({ ...file(path), kind: 'directory' })
const symlink = (path: string, target: string): Member => ({ ...file(path), kind: 'symlink', target })
const hardlink = (path: string, target: string): Member => ({ ...file(path), kind: 'hardlink', target })

const LONG_DIRECTORY = `./${'d'.repeat(60)}`
const LONG = `${LONG_DIRECTORY}/${'f'.repeat(90)}`
const SIZES = [0, 1, 511, 512, 513, 1023, 1024, 1025, 10_240, 20_001]

interface Sample {
  readonly place: string
  /** What it holds, in the order of their names. */
  readonly members: readonly Member[]
}

/** A directory of all that a tree may hold; without names of over 100 bytes where `short`. */
function sampleTree({ short }: { readonly short: boolean }): Sample {
  const place = temporaryDirectory()
  const members: Member[] = [directory('./')]
  const write = (path: string, body: string, executable = false): void => {
    const name = Buffer.from(`${place}/${path.slice(2)}`, 'latin1')
    writeFileSync(name, Buffer.from(body, 'latin1'), { mode: executable ? 0o755 : 0o644 })
    members.push(file(path, body, executable))
  }
  mkdirSync(join(place, 'sizes'))
  members.push(directory('./sizes/'))
  for (const size of SIZES) write(`./sizes/${size}`, sampleBytes(size, size).toString('latin1'))
  write('./run', '#!/bin/sh\n', true)
  write('./-rf', 'a name that looks like an option')
  write('./sp ace\nline\x1b"', 'odd')
  write('./\xff\xfe not UTF-8', 'bytes')
  write(`./${Buffer.from('日本é').toString('latin1')}`, 'unicode')
  symlinkSync('../no\nwhere', join(place, 'dangling'))
  members.push(symlink('./dangling', '../no\nwhere'))
  linkSync(join(place, 'run'), join(place, 'run2'))
  members.push(hardlink('./run2', './run'))
  mkdirSync(join(place, 'empty'))
  members.push(directory('./empty/'))
  if (short) return { place, members }
  mkdirSync(join(place, LONG_DIRECTORY))
  members.push(directory(`${LONG_DIRECTORY}/`))
  write(LONG, 'long', true)
  symlinkSync('t'.repeat(300), join(place, LONG_DIRECTORY, 'to'))
  members.push(symlink(`${LONG_DIRECTORY}/to`, 't'.repeat(300)))
  linkSync(join(place, LONG), join(place, 'link'))
  members.push(hardlink('./link', LONG))
  return { place, members }
}

/** What GNU tar makes of it; its names in the order of the members. */
function gnuTar({ place, members }: Sample, ...args: string[]): Buffer {
  const names = Buffer.from(members.map(({ path }) => `${path}\0`).join(''), 'latin1')
  const options = [...args, '--no-recursion', '--null', '--verbatim-files-from', '-T', '-']
  return execFileSync('tar', ['-cpf', '-', '-C', place, ...options], { input: names, maxBuffer: 2 ** 28 })
}

describe('an archive of GNU tar', () => {
  it.for([
    { args: [], short: false },
    { args: ['--format=gnu'], short: false },
    { args: ['--format=oldgnu'], short: false },
    { args: ['--format=pax'], short: false },
    { args: ['--format=posix', '--pax-option=delete=mtime'], short: false },
    { args: ['--format=ustar'], short: true },
    { args: ['--format=v7'], short: true },
    { args: ['--format=gnu', '--numeric-owner', '--owner=4294967295'], short: true },
    { args: ['--format=gnu', '--mtime=@-100000'], short: true },
    { args: ['--format=gnu', '--blocking-factor=1'], short: true },
  ])('holds what the directory does: $args', ({ args, short }, context) => {
    skipWithout(context, 'tar')
    const sample = sampleTree({ short })
    const bytes = gnuTar(sample, ...args)
    expect(parse(bytes)).toEqual(sample.members)
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 100 }), (cuts) => {
        expect(
          parse(
            bytes,
            cuts.sort((a, b) => a - b),
          ),
        ).toEqual(sample.members)
      }),
      { numRuns: 30 },
    )
    for (const size of [1, 7, 511, 512, 513]) {
      expect(parse(bytes, everyBytes(bytes.length, size))).toEqual(sample.members)
    }
  })

  it('holds what the directory does, as tar itself finds it', (context) => {
    skipWithout(context, 'tar')
    const { place, members } = sampleTree({ short: false })
    const bytes = execFileSync('tar', ['-cpf', '-', '-C', place, '.'], { maxBuffer: 2 ** 28 })
    const found = parse(bytes)
    const listed = execFileSync('tar', ['-t', '--quoting-style=literal', '--null', '-f', '-'], {
      input: bytes,
    })
    // With --null the names end in newlines all the same: they are compared as one text.
    expect(`${found.map(({ path }) => path).join('\n')}\n`).toBe(listed.toString('latin1'))
    expect(found).toHaveLength(members.length)
  })

  it('may split a long name into a prefix', (context) => {
    skipWithout(context, 'tar')
    const { place } = sampleTree({ short: false })
    const bytes = gnuTar({ place, members: [file(LONG, 'long', true)] }, '--format=ustar')
    expect(parse(bytes)).toEqual([file(LONG, 'long', true)])
  })

  it.each([
    ['sparse', ['--sparse', '--format=gnu'], '"S"'],
    ['sparse in pax', ['--sparse', '--format=pax'], 'sparse'],
    ['incremental', ['--incremental'], '"D"'],
    ['with a label', ['--label=name'], '"V"'],
  ])('is refused that is %s', (_, args, words) => {
    const place = temporaryDirectory()
    execFileSync('truncate', ['-s', '1M', join(place, 'hole')])
    const bytes = execFileSync('tar', [...args, '-cpf', '-', '-C', place, '.'], { maxBuffer: 2 ** 28 })
    expectRefused(bytes, 'CORRUPT_ARCHIVE', words)
  })
})

/** All kinds of headers in a few KiB. */
const SMALL = tar(
  [
    { name: './', type: 'directory' },
    { name: './a', body: 'abc', mode: 0o755 },
    { name: `./${'n'.repeat(120)}`, body: sampleBytes(600) },
    { name: './l', type: 'symlink', linkname: 't'.repeat(101) },
    { name: './p', pax: { path: './paxed', size: '4', mtime: '1.5' }, body: 'four', size: 0 },
    { name: './big', size: base256(5, 12), body: 'fives' },
    { name: './h', type: 'hardlink', linkname: './a' },
    { name: '', type: 'global', body: '18 comment=hello!\n' },
    { name: './old/', type: '\0', format: 'v7' },
    { name: './v7', type: '\0', format: 'v7', body: 'seven' },
  ],
  { end: 'blocks' },
)
const SMALL_MEMBERS = [
  directory('./'),
  file('./a', 'abc', true),
  file(`./${'n'.repeat(120)}`, sampleBytes(600).toString('latin1')),
  symlink('./l', 't'.repeat(101)),
  file('./paxed', 'four'),
  file('./big', 'fives'),
  hardlink('./h', './a'),
  directory('./old/'),
  file('./v7', 'seven'),
]

describe('an archive in pieces', () => {
  it('holds the same wherever it is cut', () => {
    expect(parse(SMALL)).toEqual(SMALL_MEMBERS)
    for (let cut = 0; cut <= SMALL.length; cut += 1) {
      expect(parse(SMALL, [cut]), `${cut}`).toEqual(SMALL_MEMBERS)
    }
  })

  it('holds the same byte by byte', () => {
    expect(parse(SMALL, everyBytes(SMALL.length, 1))).toEqual(SMALL_MEMBERS)
  })

  it('is cut off wherever its end is missing', () => {
    const end = SMALL.length
    for (let length = 0; length < end; length += 1) {
      expect(errorOf(SMALL.subarray(0, length)), `${length}`).toMatchObject({
        code: 'CORRUPT_ARCHIVE',
        message: `the tar archive is cut off at byte ${length}`,
      })
    }
  })

  it('may be padded with zeros to any number of blocks', () => {
    for (const blocks of [1, 2, 18, 2000]) {
      expect(parse(Buffer.concat([SMALL, Buffer.alloc(512 * blocks)]))).toEqual(SMALL_MEMBERS)
    }
  })

  it('is refused with part of a block, or anything but zeros, after its end', () => {
    expectRefused(Buffer.concat([SMALL, Buffer.alloc(511)]), 'CORRUPT_ARCHIVE', 'cut off')
    const garbage = Buffer.alloc(1024)
    garbage[1023] = 1
    expectRefused(Buffer.concat([SMALL, garbage]), 'CORRUPT_ARCHIVE', 'data after its end')
    expectRefused(Buffer.concat([SMALL, SMALL]), 'CORRUPT_ARCHIVE', 'data after its end')
  })
})

describe('what two readers could understand differently is refused', () => {
  const long = (name: string, type = 'longName') => ({ name: '././@LongLink', type, body: `${name}\0` })
  const pax = (name: string) => ({ name: './f', pax: { path: name } })

  it.each([
    ['a long name and a pax path', [long('a'), pax('b')], 'two long names'],
    [
      'a pax path and a long name',
      [{ name: 'x', type: 'pax', body: '9 path=b\n' }, long('a'), { name: 'f' }],
      'two long names',
    ],
    ['two long names', [long('a'), long('b'), { name: 'f' }], 'two long names'],
    ['two long targets', [long('a', 'longLink'), long('b', 'longLink'), { name: 'f' }], 'two long names'],
    ['two pax headers', [{ name: 'x', type: 'pax', body: '' }, pax('b')], 'two long names'],
    [
      'a long target and a pax one',
      [long('a', 'longLink'), { name: 'l', type: 'symlink', pax: { linkpath: 'b' } }],
      'two long names',
    ],
    ['a long name at the end', [long('a')], 'belongs to nothing'],
    ['a pax header at the end', [{ name: 'x', type: 'pax', body: '' }], 'belongs to nothing'],
    ['a long name with a NUL inside', [long('a\0b'), { name: 'f' }], 'NUL'],
    ['a lone zero block', [Buffer.alloc(512), { name: 'f' }], 'lone zero block'],
    ['a directory with content', [{ name: 'd/', type: 'directory', body: 'x' }], 'directory with content'],
    ['a file named as a directory, with content', [{ name: 'd/', body: 'x' }], 'directory with content'],
    [
      'a symlink with content',
      [{ name: 'l', type: 'symlink', linkname: 't', body: 'x' }],
      'symlink with content',
    ],
    [
      'a hard link with content',
      [{ name: 'l', type: 'hardlink', linkname: 't', body: 'x' }],
      'hardlink with content',
    ],
    ['a pax size for a link', [{ name: 'l', type: 'symlink', linkname: 't', pax: { size: '1' } }], 'content'],
  ])('%s', (_, entries, words) => {
    expectRefused(tar(entries), 'CORRUPT_ARCHIVE', words)
  })

  it.each(['3', '4', '6', '7', 'D', 'M', 'N', 'S', 'V', 'X', 'Z', 'A', '8', '\x01'])(
    'the type %j',
    (type) => {
      expectRefused(tar([{ name: 'f', type }]), 'CORRUPT_ARCHIVE', JSON.stringify(type))
    },
  )
})

describe('an entry’s metadata', () => {
  it('may have 1 MiB, and no byte more', () => {
    const comment = (bytes: number) => ({ name: 'x', type: 'global', body: Buffer.alloc(bytes) })
    expectRefused(tar([comment(2 ** 20 + 1)]), 'LIMIT_EXCEEDED', '1048577 bytes')
    const longName = { name: 'x', type: 'longName', body: Buffer.alloc(2 ** 20, 'n') }
    const [member] = parse(tar([longName, { name: 'f' }]))
    expect(member?.path).toHaveLength(2 ** 20)
  })

  it('is refused for its size before any of it is there', () => {
    const header = tar([{ name: 'x', type: 'longName', size: 2 ** 33 }], { end: 'none' })
    expectRefused(header, 'LIMIT_EXCEEDED', `${2 ** 33} bytes`)
  })

  it('belongs to the next entry only', () => {
    const members = parse(
      tar([{ name: 'a', pax: { path: 'renamed', size: '2' }, body: 'ab' }, { name: 'b' }]),
    )
    expect(members).toEqual([file('renamed', 'ab'), file('b')])
  })
})

describe('a pax size', () => {
  const of = (size: string) => tar([{ name: 'f', pax: { size } }])

  it.each(['-1', '9223372036854775808', '9007199254740992', '1e3', ' 5', '0x10', '5 '])(
    'of %j is refused',
    (size) => {
      expectRefused(of(size), 'CORRUPT_ARCHIVE', 'size')
    },
  )

  it('counts, whatever the header says', () => {
    const inner = tar([{ name: 'inner', body: 'never seen' }])
    const size = `${inner.length}`
    const members = parse(
      tar([{ name: 'nested.tar', size: 0, pax: { size }, body: inner }, { name: 'after' }]),
    )
    expect(members).toEqual([file('nested.tar', inner.toString('latin1')), file('after')])
  })
})
