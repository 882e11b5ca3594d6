import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { type LargeMemory, largeMemory } from '../src/large-memory.ts'
import { randomFrom } from './support/random.ts'

const MiB = 1024 ** 2

/** Mappings of this process that hold so many resident bytes, each as smaps tells of it (proc_pid_smaps(5)). */
function mappings(leastBytes: number): readonly string[] {
  const all = readFileSync('/proc/self/smaps', 'utf8').split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)
  return all.filter((mapping) => Number(/^Rss: +(\d+) kB/m.exec(mapping)?.[1]) * 1024 >= leastBytes)
}

const taken: LargeMemory[] = []

afterEach(() => {
  for (const { giveBack } of taken.splice(0)) giveBack()
})

/** Until the end of the test at most. */
function take(bytes: number): LargeMemory {
  const memory = largeMemory(bytes)
  taken.push(memory)
  return memory
}

describe('large memory', () => {
  it.runIf(process.platform === 'linux')('is no part of what a new process gets a copy of', () => {
    const { bytes } = take(96 * MiB)
    bytes.fill(1)
    const found = mappings(90 * MiB)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(/^VmFlags:.* dc\b/m)
    expect(bytes.at(-1)).toBe(1)
  })

  it('that is given back serves several, each with what it asked for', () => {
    const first = take(3 * MiB + 5)
    first.giveBack()
    const at = first.bytes.byteOffset
    const [second, third] = [take(2 * MiB), take(MiB)]
    expect(second.bytes).toHaveLength(2 * MiB)
    expect(third.bytes).toHaveLength(MiB)
    expect([second.bytes.byteOffset, third.bytes.byteOffset]).toEqual([at, at + 2 * MiB])
    second.bytes.fill(2)
    third.bytes.fill(3)
    expect(second.bytes.every((byte) => byte === 2)).toBe(true)
  })

  it('that is given back in parts is whole again', () => {
    const whole = take(200 * MiB)
    whole.giveBack()
    const parts = [take(60 * MiB), take(70 * MiB), take(70 * MiB)]
    for (const at of [1, 0, 2]) parts[at]?.giveBack()
    expect(take(200 * MiB).bytes.buffer === whole.bytes.buffer).toBe(true)
  })

  it('that is given back once more stays with who has it now', () => {
    const first = take(MiB)
    first.giveBack()
    const second = take(MiB)
    expect(second.bytes.byteOffset).toBe(first.bytes.byteOffset)
    first.giveBack()
    expect(take(MiB).bytes.byteOffset).not.toBe(second.bytes.byteOffset)
  })

  it('is written no further for many, three at a time and each of another size, than for some', () => {
    const random = randomFrom(1)
    const writtenTo = new Map<ArrayBuffer, number>()
    for (let user = 0; user < 300; user++) {
      if (taken.length === 3) taken.splice(random() * 3, 1)[0]?.giveBack()
      const { buffer, byteOffset, length } = take(1 + Math.floor(random() * 27 * MiB)).bytes
      writtenTo.set(buffer, Math.max(byteOffset + length, writtenTo.get(buffer) ?? 0))
    }
    const written = [...writtenTo.values()].reduce((sum, end) => sum + end, 0)
    expect(written).toBeLessThan(2 * 3 * 27 * MiB)
  })

  it('is there where WebAssembly has no more', () => {
    const bytes = 4 * 1024 ** 3 + 1
    expect(take(bytes).bytes).toHaveLength(bytes)
  })
})
