import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Member, tarEnd, tarHead, tarPadding } from '../../src/pack/tar-writer.ts'
import { skipWithout } from '../support/programs.ts'
import { parse } from '../unpack/parsed-tar.ts'
import { MTIME } from './packed-tree.ts'

const GIB = 2 ** 30

/** An archive of members whose content is left out. */
function archive(...members: Member[]): Buffer {
  const heads = Buffer.concat(members.map((member) => tarHead(member, MTIME)))
  return Buffer.concat([heads, tarEnd(heads.length)])
}

const byte = fc.nat(255).map((code) => String.fromCharCode(code))
/** A path of any bytes that a name may have. */
const anyPath = fc
  .array(fc.string({ minLength: 1, maxLength: 255, unit: byte }), { minLength: 1, maxLength: 6 })
  .map((names) => names.map((name) => name.replace(/[\0/]/g, '_')).join('/'))

describe('the head of a member', () => {
  it('says what it is, whatever bytes its name and its target have', () => {
    const property = fc.property(anyPath, anyPath, fc.boolean(), (path, target, isExecutable) => {
      const members = parse(
        archive(
          { kind: 'directory', path },
          { kind: 'symlink', path, target },
          { kind: 'file', path, size: 0, executable: isExecutable },
        ),
      )
      const common = { target: '', size: 0, executable: false, body: '' }
      expect(members).toEqual([
        { ...common, kind: 'directory', path: `${path}/` },
        { ...common, kind: 'symlink', path, target },
        { ...common, kind: 'file', path, executable: isExecutable },
      ])
    })
    fc.assert(property)
  })

  it.for([8 * GIB - 1, 8 * GIB, 2 ** 53 - 1])('tells tar a size of %i', (size, context) => {
    skipWithout(context, 'tar')
    const head = tarHead({ kind: 'file', path: 'large', size, executable: false }, MTIME)
    const { stdout } = spawnSync('tar', ['-tv', '--numeric-owner', '-f', '-'], {
      input: head,
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC' },
    })
    expect(stdout.split(/ +/)).toEqual(['-rw-r--r--', '0/0', `${size}`, '2020-09-13', '12:26', 'large\n'])
    expect(() => parse(Buffer.from(head))).toThrow('cut off')
  })
})

describe('an archive', () => {
  it.each([
    [0, 10_240],
    [512, 10_240],
    [10_240 - 1024, 10_240],
    [10_240 - 512, 20_480],
    [10_240, 20_480],
  ])('of %i bytes takes %i with its end', (bytes, whole) => {
    const end = tarEnd(bytes)
    expect(bytes + end.length).toBe(whole)
    expect(end.every((byte) => byte === 0)).toBe(true)
  })

  it('has contents filled up to blocks of 512 bytes', () => {
    expect([0, 1, 511, 512, 513, 9 * GIB + 1].map(tarPadding)).toEqual([0, 511, 1, 0, 511, 511])
  })
})
