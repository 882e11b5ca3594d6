import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { largeMemory } from '../src/large-memory.ts'

const MiB = 1024 ** 2

/** Mappings of this process that hold so many resident bytes, each as smaps tells of it (proc_pid_smaps(5)). */
function mappings(leastBytes: number): readonly string[] {
  const all = readFileSync('/proc/self/smaps', 'utf8').split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)
  return all.filter((mapping) => Number(/^Rss: +(\d+) kB/m.exec(mapping)?.[1]) * 1024 >= leastBytes)
}

describe('large memory', () => {
  it.runIf(process.platform === 'linux')('is no part of what a new process gets a copy of', () => {
    const { bytes } = largeMemory(96 * MiB)
    bytes.fill(1)
    const found = mappings(90 * MiB)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(/^VmFlags:.* dc\b/m)
    expect(bytes.at(-1)).toBe(1)
  })

  it('that is given back serves several, each with what it asked for', () => {
    const first = largeMemory(3 * MiB + 5)
    first.giveBack()
    const [second, third] = [largeMemory(2 * MiB), largeMemory(MiB)]
    expect(second.bytes).toHaveLength(2 * MiB)
    expect(third.bytes).toHaveLength(MiB)
    for (const { bytes } of [second, third]) expect(bytes.buffer).toBe(first.bytes.buffer)
    second.bytes.fill(2)
    third.bytes.fill(3)
    expect(second.bytes.every((byte) => byte === 2)).toBe(true)
  })

  it('that is given back once more stays with who has it now', () => {
    const first = largeMemory(MiB)
    first.giveBack()
    const second = largeMemory(MiB)
    expect(second.bytes.buffer).toBe(first.bytes.buffer)
    first.giveBack()
    expect(largeMemory(MiB).bytes.buffer).not.toBe(second.bytes.buffer)
  })

  it('is there where WebAssembly has no more', () => {
    const bytes = 4 * 1024 ** 3 + 1
    expect(largeMemory(bytes).bytes).toHaveLength(bytes)
  })
})
