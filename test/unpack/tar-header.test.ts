import { describe, expect, it } from 'vitest'
import { HeaderBlock, readText, type TarHeader } from '../../src/unpack/tar-header.ts'
import { base256, type TarEntry, tar } from '../support/archive.ts'

function header(entry: TarEntry): Buffer {
  return tar([{ ...entry, body: '' }], { end: 'none' })
}

function readBlock(bytes: Buffer): TarHeader {
  const block = new HeaderBlock()
  block.bytes.set(bytes)
  return block.read(1024)
}

function read(entry: TarEntry): TarHeader {
  return readBlock(header(entry))
}

/** Changes a header before its checksum is made. */
function text(at: number, bytes: string): Pick<TarEntry, 'patch'> {
  return { patch: (block) => void block.write(bytes, at, 'latin1') }
}

const refused = (words: string) =>
  expect.objectContaining({ code: 'CORRUPT_ARCHIVE', message: `the tar header at byte 1024 has ${words}` })

describe('a tar header', () => {
  it('tells name, target, mode, size and type', () => {
    const entry = { name: './l', type: 'symlink', linkname: 'target', mode: 0o4751, size: 7 }
    expect(read(entry)).toEqual({ name: './l', target: 'target', mode: 0o4751, size: 7, type: '2' })
  })

  it('may fill its name and target to the last byte', () => {
    const found = read({ name: 'n'.repeat(100), linkname: 't'.repeat(100) })
    expect(found).toMatchObject({ name: 'n'.repeat(100), target: 't'.repeat(100) })
  })

  it('has names byte for byte', () => {
    expect(read({ name: Buffer.from([0xff, 0x80, 0x0a]) }).name).toBe('\xff\x80\n')
  })

  it('has a prefix in POSIX format only: others have other things there', () => {
    const prefixed = text(345, 'prefix')
    expect(read({ name: 'n', format: 'ustar', ...prefixed }).name).toBe('prefix/n')
    expect(read({ name: 'n', format: 'gnu', ...prefixed }).name).toBe('n')
    expect(read({ name: 'n', format: 'v7', ...prefixed }).name).toBe('n')
    expect(read({ name: 'n', format: 'ustar', ...text(345, 'p'.repeat(155)) }).name).toBe(
      `${'p'.repeat(155)}/n`,
    )
  })

  it.each([
    ['name', 0, 'good\0/../../outside'],
    ['link target', 157, 'a\0b'],
    ['prefix', 345, 'a\0b'],
  ])('has no NUL inside its %s', (_, at, bytes) => {
    expect(() => read({ name: 'n', format: 'ustar', ...text(at, bytes) })).toThrow(
      refused('a NUL inside a name'),
    )
  })

  it.each<[string, string | Buffer, number]>([
    ['digits', '00000001234\0', 0o1234],
    ['digits to the last byte', '000000012345', 0o12345],
    ['spaces before', '       1234\0', 0o1234],
    ['spaces after', '1234        ', 0o1234],
    ['a space and a NUL after', '      1234 \0', 0o1234],
    ['NULs', '\0'.repeat(12), 0],
    ['base-256', base256(5, 12), 5],
    ['base-256 of 8 GiB', base256(2 ** 33, 12), 2 ** 33],
    ['base-256 of 2^53 - 1', base256(Number.MAX_SAFE_INTEGER, 12), Number.MAX_SAFE_INTEGER],
  ])('may have a size in %s', (_, size, expected) => {
    expect(read({ name: 'f', size: Buffer.from(size) }).size).toBe(expected)
  })

  it.each<[string, string | Buffer]>([
    ['a sign', '-0000000001\0'],
    ['a plus', '+0000000001\0'],
    ['letters', 'zzzz\0'],
    ['a digit above 7', '00000000008\0'],
    ['something after a NUL', '0001\x000001\0\0'],
    ['a space inside', '0001 0001\0\0\0'],
    ['spaces only', ' '.repeat(12)],
    ['a base-256 of 2^53', base256(2n ** 53n, 12)],
    ['a base-256 of 2^70', base256(2n ** 70n, 12)],
    ['a negative base-256', base256(-1, 12)],
    ['a base-256 with another first byte', Buffer.from([0x81, ...Buffer.alloc(11)])],
  ])('has no size with %s', (_, size) => {
    expect(() => read({ name: 'f', size: Buffer.from(size) })).toThrow(refused('a size that is no number'))
  })

  it('has a mode that is a number', () => {
    expect(() => read({ name: 'f', mode: Buffer.from('rwxr-xr-') })).toThrow(
      refused('a mode that is no number'),
    )
  })

  it('does not care for owners and times, whatever they say', () => {
    const junk = Buffer.from('zzzzzzzzzzzz')
    const entry = { name: 'f', uid: junk, gid: base256(2n ** 40n, 8), mtime: base256(2n ** 80n, 12) }
    expect(read(entry).name).toBe('f')
  })

  it('has a checksum that is right', () => {
    expect(() => read({ name: 'f', checksum: 1 })).toThrow(refused('a wrong checksum'))
    const block = header({ name: 'f' })
    for (const at of [0, 99, 147, 156, 511]) {
      const damaged = Buffer.concat([block])
      damaged[at] = (damaged[at] ?? 0) ^ 1
      expect(() => readBlock(damaged), `${at}`).toThrow(refused('a wrong checksum'))
    }
    block.fill(0, 148, 156)
    expect(() => readBlock(block)).toThrow(refused('a wrong checksum'))
  })

  it('has a checksum of all its bytes, however large they are', () => {
    const full = (byte: number) => ({ patch: (block: Buffer) => void block.fill(byte, 158, 257) })
    for (const byte of [0x01, 0x7f, 0x80, 0xff]) {
      const found = read({
        name: Buffer.alloc(100, byte),
        type: Buffer.from([byte]).toString('latin1'),
        ...full(byte),
      })
      expect(found.name).toBe(String.fromCharCode(byte).repeat(100))
    }
  })

  it('may have its checksum of signed bytes in v7 format only', () => {
    const name = Buffer.from('n\xe9\xff', 'latin1')
    const signed = (format: 'v7' | 'gnu' | 'ustar') => {
      const block = header({ name, format })
      block.fill(' ', 148, 156)
      const checksum = block.reduce((sum, byte) => sum + (byte < 0x80 ? byte : byte - 256), 0)
      return read({ name, format, checksum })
    }
    expect(signed('v7').name).toBe('n\xe9\xff')
    for (const format of ['gnu', 'ustar'] as const) {
      expect(() => signed(format)).toThrow(refused('a wrong checksum'))
    }
  })
})

describe('a zero block', () => {
  it('has no byte that is not zero', () => {
    const block = new HeaderBlock()
    expect(block.isZero()).toBe(true)
    for (let at = 0; at < 512; at += 1) {
      block.bytes[at] = 0x80
      expect(block.isZero(), `${at}`).toBe(false)
      block.bytes[at] = 0
    }
  })
})

describe('a text', () => {
  it.each([
    ['abc', 'abc'],
    ['abc\0\0', 'abc'],
    ['\0\0', ''],
    ['', ''],
    ['abc\0d', undefined],
    ['abc\0\0d\0', undefined],
    ['\0d', undefined],
  ])('%j may be followed by NULs only', (value, expected) => {
    expect(readText(Buffer.from(value), 0, value.length)).toBe(expected)
    expect(readText(Buffer.from(`xx${value}y\0z`), 2, 2 + value.length)).toBe(expected)
  })
})
