import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parsePax } from '../../src/unpack/tar-pax.ts'
import { paxRecords } from '../support/archive.ts'

const parse = (body: string | Buffer, scope: 'entry' | 'global' = 'entry') =>
  Object.fromEntries(parsePax(Buffer.from(body as string, 'latin1'), scope, 2048))

const refused = (words: string) =>
  expect.objectContaining({ code: 'CORRUPT_ARCHIVE', message: `the pax header before byte 2048 ${words}` })

describe('pax records', () => {
  it('are read by their lengths, whatever their values hold', () => {
    const records = {
      path: './a=b\n7 x=y\n',
      comment: 'with\0NUL',
      'SCHILY.xattr.user.x': '\xff\xfe',
      empty: '',
    }
    expect(parse(paxRecords({ ...records, 'SCHILY.xattr.user.x': Buffer.from([0xff, 0xfe]) }))).toEqual(
      records,
    )
  })

  it('are read back as they were written', () => {
    const key = fc
      .string({ minLength: 1 })
      .filter((text) => /^[a-z]+$/.test(text) && !/^[acm]time$/.test(text))
    fc.assert(
      fc.property(
        fc.dictionary(key, fc.stringMatching(/^[ -~\n]+$/), { noNullPrototype: true }),
        (records) => {
          expect(parse(paxRecords(records))).toEqual(records)
        },
      ),
    )
  })

  it('may be none', () => {
    expect(parse('')).toEqual({})
  })

  it('count by the last of the same key', () => {
    expect(parse('9 path=a\n9 path=b\n')).toEqual({ path: 'b' })
  })

  it.each([
    ['longer than all', '999 path=x\n'],
    ['of the length 0', '0 path=x\n'],
    ['without a length', 'path=x\n'],
    ['without a newline', '9 path=xx'],
    ['of a length that ends elsewhere', '8 path=x\n'],
    ['of a length with a sign', '+9 path=x\n'],
    ['of a length with a zero before', '09 path=x\n'],
    ['of a length with two spaces', ' 9 path=x\n'],
    ['of a length in hexadecimal', '0x9 path=x\n'],
    ['that ends inside its length', '2 path=x\n'],
    ['of a huge length', '99999999999999999999 path=x\n'],
    ['cut off', '9 path=x\n9 pat'],
    ['followed by NULs', '9 path=x\n\0\0'],
  ])('are refused with one %s', (_, body) => {
    expect(() => parse(body)).toThrow(refused('has a record of a wrong length'))
  })

  it.each(['7 path\n', '5 =x\n'])('are refused without a key: %j', (body) => {
    expect(() => parse(body)).toThrow(refused('has a record without a key'))
  })

  it.each(['path', 'linkpath', 'size'])('have a %s that is something', (key) => {
    for (const value of ['', 'a\0b']) {
      const words = `has a ${key} that is empty or has a NUL in it`
      expect(() => parse(paxRecords({ [key]: value }))).toThrow(refused(words))
    }
  })

  it.each(['path', 'linkpath', 'size'])('set no %s for all entries', (key) => {
    expect(() => parse(paxRecords({ [key]: '5' }), 'global')).toThrow(refused(`sets ${key} for all entries`))
    expect(parse(paxRecords({ comment: '5' }), 'global')).toEqual({ comment: '5' })
  })

  it('describe no sparse file', () => {
    for (const key of ['GNU.sparse.major', 'GNU.sparse.map', 'GNU.sparse.size']) {
      expect(() => parse(paxRecords({ [key]: '1' }))).toThrow(
        refused('describes a sparse file, which git never makes'),
      )
    }
  })

  it.each(['0', '1700000000', '1.5', '-3.25', '1700000000.'])('have times such as %s', (time) => {
    expect(parse(paxRecords({ mtime: time, atime: time, ctime: time })).mtime).toBe(time)
  })

  it.each(['1e30', '-1e30', 'nan', '', '1 ', '0x5', '1'.repeat(19)])('have no times such as %j', (time) => {
    for (const key of ['mtime', 'atime', 'ctime']) {
      expect(() => parse(paxRecords({ [key]: time }))).toThrow(refused(`has a ${key} that is no time`))
    }
  })

  it('take time in proportion to their number', () => {
    const many = Buffer.concat(
      Array.from({ length: 20_000 }, (_, index) => paxRecords({ [`k${index}`]: 'v' })),
    )
    expect(parsePax(many, 'entry', 0).size).toBe(20_000)
  })
})
