import { describe, expect, it } from 'vitest'
import { base256, tar } from '../support/archive.ts'
import { everyBytes, sampleBytes } from './fixture.ts'
import { directory, expectRefused, file, hardlink, parse, symlink } from './parsed-tar.ts'

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
      const message = `the tar archive is cut off at byte ${length}`
      const error = expect.objectContaining({ code: 'CORRUPT_ARCHIVE', message })
      expect(() => parse(SMALL.subarray(0, length))).toThrow(error)
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
