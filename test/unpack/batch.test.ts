import { describe, expect, it } from 'vitest'
import { Batch, type BatchFile } from '../../src/unpack/batch.ts'
import { PART_FIELDS, TRACKED } from '../../src/unpack/tree-job.ts'

const file = (size: number, flags = TRACKED): BatchFile => ({ path: `f${size}`, number: size, size, flags })

const text = (batch: Batch): string => Buffer.from(batch.job('sha1').block).toString('latin1')

function parts(batch: Batch): number[][] {
  const { parts } = batch.job('sha1')
  return Array.from({ length: parts.length / PART_FIELDS }, (_, part) => [
    ...parts.subarray(part * PART_FIELDS, (part + 1) * PART_FIELDS),
  ])
}

describe('a batch', () => {
  it('has what git hashes before each tracked file’s content, and its content', () => {
    const batch = new Batch(new Uint8Array(50))
    for (const [size, flags] of [
      [3, TRACKED],
      [2, 0],
      [0, TRACKED],
    ] as const) {
      batch.add(file(size, flags))
      batch.append(Buffer.alloc(size, 'x'))
    }
    expect(text(batch)).toBe('blob 3\0xxxxxblob 0\0'.padEnd(50, '\0'))
    expect(parts(batch)).toEqual([
      [3, 7, 10, 0, 3, TRACKED],
      [2, 10, 12, 0, 2, 0],
      [0, 19, 19, 0, 0, TRACKED],
    ])
    expect(batch.job('sha1').paths).toBe('f3\0f2\0f0')
  })

  it('may have one part of a file, as long as what is appended', () => {
    const batch = new Batch(new Uint8Array(10))
    batch.addPart(file(100), 50)
    batch.append(Buffer.from('abc'))
    batch.append(Buffer.from('def'))
    expect(text(batch)).toBe('abcdef'.padEnd(10, '\0'))
    expect(parts(batch)).toEqual([[100, 0, 6, 50, 100, TRACKED]])
    expect(batch.room).toBe(4)
  })

  it('knows the file whose content comes next', () => {
    const batch = new Batch(new Uint8Array(100))
    const [first, second] = [file(1), file(2)]
    expect(batch.isEmpty).toBe(true)
    batch.add(first)
    batch.add(second)
    expect(batch.isEmpty).toBe(false)
    expect([first, second, file(2)].map((one) => batch.holds(one))).toEqual([false, true, false])
  })

  it('takes files as long as there is room for them and what stands before them', () => {
    expect(new Batch(new Uint8Array(100)).add(file(76))).toBe(true)
    const batch = new Batch(new Uint8Array(100))
    expect(batch.add(file(77))).toBe(false)
    expect(batch.isEmpty).toBe(true)
    expect(batch.add(file(10))).toBe(true)
    batch.append(Buffer.alloc(10))
    expect(batch.room).toBe(100 - 'blob 10\0'.length - 10)
    expect(batch.add(file(59))).toBe(false)
    expect(batch.add(file(58))).toBe(true)
  })

  it('does not take ever more files that need no room', () => {
    const batch = new Batch(new Uint8Array(1000))
    let files = 0
    while (files < 100_000 && batch.add(file(0, 0))) files += 1
    expect(files).toBe(2048)
  })
})
