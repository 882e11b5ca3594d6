import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { base256, paxRecords, pzstd, tar, tarDirectory, tarZst, zstdFrame } from './archive.ts'
import { skipWithout } from './programs.ts'
import { temporary } from './temporary.ts'

describe('tarDirectory', () => {
  it('writes byte for byte what GNU tar writes', (context) => {
    skipWithout(context, 'tar')
    const directory = variedDirectory()
    const ours = Buffer.concat([...tarDirectory(directory)])
    const theirs = run('tar', ['--sort=name', '-cpf', '-', '-C', directory, '.'])
    expect(members(ours)).toEqual(members(theirs))
    expect(ours.equals(theirs)).toBe(true)
  })

  it('gives bytes that tar and pzstd accept after pzstd compression', async (context) => {
    skipWithout(context, 'tar', 'zstd', 'pzstd')
    const directory = variedDirectory()
    const archive = await buffer(pzstd(tarDirectory(directory), { frameBytes: 100_000 }))
    run('zstd', ['-t'], archive)
    run('pzstd', ['-t'], archive)
    const theirs = run('pzstd', ['-c'], run('tar', ['--sort=name', '-cpf', '-', '-C', directory, '.']))
    expect(run('zstd', ['-dc'], archive).equals(run('zstd', ['-dc'], theirs))).toBe(true)
    expect(members(run('pzstd', ['-dc'], archive))).toEqual(members(run('pzstd', ['-dc'], theirs)))
  })
})

describe('tar', () => {
  it('writes names of over 100 bytes so that GNU tar reads them back, in every format with room', (context) => {
    skipWithout(context, 'tar')
    const name = `${'d'.repeat(60)}/${'f'.repeat(60)}`
    for (const format of ['gnu', 'ustar'] as const) {
      const archive = tar([{ name, format, body: 'x' }])
      expect(run('tar', ['-tf', '-'], archive).toString()).toBe(`${name}\n`)
    }
    expect(() => tar([{ name, format: 'v7' }])).toThrow(/No room/)
  })

  it('puts pax records before the member they are for', (context) => {
    skipWithout(context, 'tar')
    const archive = tar([{ name: 'short', body: 'abc', pax: { path: 'renamed', comment: 'y'.repeat(90) } }])
    expect(run('tar', ['-tf', '-'], archive).toString()).toBe('renamed\n')
  })

  it('counts a pax record’s own length digits', () => {
    expect(paxRecords({ a: 'b' }).toString()).toBe('6 a=b\n')
    expect(paxRecords({ path: 'x'.repeat(90) }).toString()).toMatch(/^99 path=/)
    expect(paxRecords({ path: 'x'.repeat(92) }).toString()).toMatch(/^102 path=/)
  })

  it('writes numbers that octal has no room for in base-256', () => {
    expect(base256(5, 12).toString('hex')).toBe('800000000000000000000005')
    expect(base256(-1, 8).toString('hex')).toBe('ffffffffffffffff')
    const archive = tar([{ name: 'f', size: 8n ** 11n }])
    expect(archive.subarray(124, 136)).toEqual(base256(8n ** 11n, 12))
  })

  it('ends with a whole record, two blocks or nothing', () => {
    expect(tar([{ name: 'f' }]).length).toBe(10_240)
    expect(tar([{ name: 'f' }], { end: 'blocks' }).length).toBe(3 * 512)
    expect(tar([{ name: 'f' }], { end: 'none' }).length).toBe(512)
  })

  it('leaves hostile fields as they were given', () => {
    const entry = { name: Buffer.from([0xff, 0xfe]), size: Buffer.from('zzzz'), type: 'Z', checksum: 1 }
    const archive = tar([entry], { end: 'none' })
    expect(archive.subarray(0, 3)).toEqual(Buffer.from([0xff, 0xfe, 0]))
    expect(archive.subarray(124, 129).toString('latin1')).toBe('zzzz\0')
    expect(archive.subarray(148, 157).toString('latin1')).toBe('000001\0 Z')
  })
})

describe('pzstd', () => {
  it('writes a frame without content size per slice, each after a skippable frame with its size', async () => {
    const archive = await buffer(pzstd(Buffer.alloc(250, 'a'), { frameBytes: 100 }))
    let at = 0
    let frames = 0
    for (; at < archive.length; frames++) {
      expect(archive.readUInt32LE(at)).toBe(0x184d2a50)
      expect(archive.readUInt32LE(at + 4)).toBe(4)
      expect(archive.readUInt32LE(at + 12)).toBe(0xfd2fb528)
      expect((archive[at + 16] ?? 0) & 0b1110_0100, 'checksum, no content size').toBe(0b0000_0100)
      at += 12 + archive.readUInt32LE(at + 8)
    }
    expect({ at, frames }).toEqual({ at: archive.length, frames: 3 })
  })

  it('writes one empty frame for an empty input, as pzstd does', async (context) => {
    const archive = await buffer(pzstd(Buffer.alloc(0)))
    expect(archive.readUInt32LE(12)).toBe(0xfd2fb528)
    skipWithout(context, 'zstd')
    expect(run('zstd', ['-dc'], archive)).toHaveLength(0)
  })
})

describe('zstdFrame', () => {
  it('has a content size and a checksum only when asked for', (context) => {
    const bytes = Buffer.alloc(1000, 'abc')
    const descriptor = (frame: Buffer) => (frame[4] ?? 0) & 0b1110_0100
    expect(descriptor(zstdFrame(bytes))).toBe(0)
    expect(descriptor(zstdFrame(bytes, { contentSize: true, checksum: true }))).toBe(0b0110_0100)
    skipWithout(context, 'zstd')
    expect(run('zstd', ['-dc'], zstdFrame(bytes)).equals(bytes)).toBe(true)
  })
})

describe('tarZst', () => {
  it('makes a whole archive in one call', async (context) => {
    skipWithout(context, 'tar', 'zstd')
    const archive = await tarZst([
      { name: './', type: 'directory' },
      { name: './f', body: 'hello' },
    ])
    expect(run('tar', ['-xOf', '-', './f'], run('zstd', ['-dc'], archive)).toString()).toBe('hello')
  })
})

function variedDirectory(): string {
  const directory = temporary()
  const deep = join(directory, 'deep/'.repeat(30), 'l'.repeat(200))
  mkdirSync(join(directory, 'a', 'b'), { recursive: true })
  mkdirSync(deep, { recursive: true })
  writeFileSync(join(directory, 'a', 'empty'), '')
  writeFileSync(join(directory, 'a', 'run'), '#!/bin/sh\n', { mode: 0o755 })
  writeFileSync(join(directory, 'a', 'b', 'large'), Buffer.alloc(3_000_001, 'large file '))
  writeFileSync(join(deep, 'file'), 'deep')
  writeFileSync(join(directory, 'e\u0301 \u{1f40e}'), 'unicode')
  writeFileSync(join(directory, 'n'.repeat(98)), 'exactly 100 bytes with its prefix')
  writeFileSync(join(directory, 'n'.repeat(99)), 'one more')
  symlinkSync('../a/run', join(directory, 'a', 'link'))
  symlinkSync('t'.repeat(180), join(directory, 'a', 'dangling'))
  linkSync(join(directory, 'a', 'run'), join(directory, 'hard'))
  linkSync(join(deep, 'file'), join(directory, 'hard to deep'))
  if (process.platform === 'linux') {
    writeFileSync(Buffer.concat([Buffer.from(`${directory}/latin-`), Buffer.from([0xe9])]), 'bytes')
  }
  return directory
}

function members(archive: Buffer): string[] {
  return run('tar', ['-tvf', '-'], archive).toString('latin1').split('\n')
}

function run(program: string, args: string[], input: Buffer = Buffer.alloc(0)): Buffer {
  return execFileSync(program, args, { input, maxBuffer: 1 << 30, stdio: ['pipe', 'pipe', 'ignore'] })
}
