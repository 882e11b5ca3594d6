import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { skipWithout } from '../support/programs.ts'
import { temporary } from '../support/temporary.ts'
import { anyCuts, sampleBytes } from './fixture.ts'
import { expectFrames, scan } from './scanned-frames.ts'

function compress(program: string, args: string[], input: Buffer): Buffer {
  return execFileSync(program, ['-q', '-c', ...args], { input, maxBuffer: 2 ** 28 })
}

describe('frames of the zstd command', () => {
  const plain = Buffer.concat([sampleBytes(150_000), Buffer.alloc(200_000, 'z'), sampleBytes(50_000, 9)])
  beforeEach((context) => skipWithout(context, 'zstd'))

  it.each([
    '-1',
    '-19',
    '--fast=5',
    '--ultra -20 --long=27',
    '-T0',
    '-T2 -B1KB',
    '--no-check',
    '--no-content-size',
    '--rsyncable',
  ])('are found: %s', (args) => {
    const [frame, ...rest] = expectFrames(compress('zstd', args.split(' '), plain), plain)
    expect(rest).toEqual([])
    expect(frame?.at).toBe(0)
  })

  it('are found with a content size, which a file gives them', () => {
    const directory = temporary()
    for (const length of [0, 1, 255, 256, 65_791, 65_792, 400_000]) {
      const file = join(directory, `${length}`)
      writeFileSync(file, sampleBytes(length))
      const bytes = compress('zstd', [file], Buffer.alloc(0))
      const [frame] = expectFrames(bytes, sampleBytes(length))
      expect(frame?.header.contentBytes).toBe(length)
    }
  })

  it('are found for no input at all', () => {
    expect(expectFrames(compress('zstd', [], Buffer.alloc(0)), Buffer.alloc(0))).toHaveLength(1)
  })

  it('are found one after another', () => {
    const parts = [0, 1, 70_000, 0, 300_000].map((length, seed) => sampleBytes(length, seed + 1))
    const bytes = Buffer.concat(parts.map((part, index) => compress('zstd', [`-${index + 1}`], part)))
    expect(expectFrames(bytes, Buffer.concat(parts))).toHaveLength(5)
  })
})

describe('frames of pzstd', () => {
  it('are found between the skippable ones', (context) => {
    skipWithout(context, 'pzstd')
    const plain = Buffer.concat([sampleBytes(3_000_000), Buffer.alloc(3_000_000), sampleBytes(2_000_000, 5)])
    const file = join(temporary(), 'plain')
    writeFileSync(file, plain)
    const bytes = execFileSync('pzstd', ['-q', '-c', '-p', '4', '-1', file], { maxBuffer: 2 ** 28 })
    const frames = expectFrames(bytes, plain)
    expect(frames.length).toBeGreaterThan(2)
    expect(bytes.readUInt32LE(0)).toBe(0x184d2a50)
    expect(bytes.readUInt32LE(8)).toBe((frames[0]?.end ?? 0) - (frames[0]?.at ?? 0))
    const cutAnywhere = fc.property(anyCuts(bytes.length, 50), (cuts) => {
      expect(scan(bytes, cuts)).toEqual(frames)
    })
    fc.assert(cutAnywhere, { numRuns: 20 })
  })
})
