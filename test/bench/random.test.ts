import { expect, it } from 'vitest'
import { seededBytes, seededText } from '../../bench/random.ts'

it('gives the same bytes for the same seed, and others for another', () => {
  expect(seededBytes('one', 1000)).toEqual(seededBytes('one', 1000))
  expect(seededBytes('one', 1000)).not.toEqual(seededBytes('two', 1000))
  expect(seededBytes('one', 8).toString('hex')).toBe(seededBytes('one', 1000).subarray(0, 8).toString('hex'))
})

it('gives lines of so many words', () => {
  const text = seededText('one', 30)
  expect(text.trim().split(/\s+/)).toHaveLength(30)
  expect(text.trim().split('\n')).toHaveLength(3)
})
