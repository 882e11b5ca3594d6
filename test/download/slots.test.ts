import { describe, expect, it } from 'vitest'
import { Slots } from '../../src/download/slots.ts'

/** Where they lie, told from the first of them. */
function placesOf(memories: readonly Uint8Array[]): readonly number[] {
  const first = Math.min(...memories.map(({ byteOffset }) => byteOffset))
  return memories.map(({ byteOffset }) => byteOffset - first)
}

describe('slots', () => {
  it('are disjoint pieces of one memory, side by side when they are taken one after the other', () => {
    const slots = new Slots({ count: 3, firstBytes: 9, bytes: 4 })
    const memories = [slots.take(9), slots.take(4), slots.take(3)].map(({ memory }) => memory)
    expect(memories.map(({ length }) => length)).toEqual([9, 4, 3])
    expect(placesOf(memories)).toEqual([0, 9, 13])
    expect(new Set(memories.map(({ buffer }) => buffer)).size).toBe(1)
  })

  it('put a small first chunk next to the second one too', () => {
    const slots = new Slots({ count: 2, firstBytes: 3, bytes: 4 })
    const [first, second] = [slots.take(3).memory, slots.take(4).memory]
    expect(first.byteOffset + first.length).toBe(second.byteOffset)
  })

  it('are used again before memory is touched that never was', () => {
    const slots = new Slots({ count: 4, firstBytes: 4, bytes: 4 })
    const [first, second] = [slots.take(4), slots.take(4)]
    first.giveBack()
    const again = slots.take(4)
    expect(again.memory.byteOffset).toBe(first.memory.byteOffset)
    again.giveBack()
    second.giveBack()
    const three = [slots.take(4), slots.take(4), slots.take(4)].map(({ memory }) => memory)
    expect(three.map(({ byteOffset }) => byteOffset)).toContain(second.memory.byteOffset)
    expect(placesOf(three).toSorted()).toEqual([0, 4, 8])
  })

  it('leave their memory to the next ones', () => {
    const sizes = { count: 2, firstBytes: 4, bytes: 4 }
    const slots = new Slots(sizes)
    const { memory } = slots.take(4)
    slots.free()
    slots.free()
    const [second, third] = [new Slots(sizes).take(4).memory, new Slots(sizes).take(4).memory]
    expect(second.byteOffset).toBe(memory.byteOffset)
    expect(third.byteOffset).not.toBe(memory.byteOffset)
  })

  it('are no more than there are', () => {
    const slots = new Slots({ count: 1, firstBytes: 4, bytes: 4 })
    slots.take(4)
    expect(() => slots.take(4)).toThrow(RangeError)
  })
})
