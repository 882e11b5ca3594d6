import { expect, it } from 'vitest'
import { interquartileRange, median, pairwiseRatios, quantile } from '../../bench/statistics.ts'

it.each<[readonly number[], number]>([
  [[7], 7],
  [[9, 1, 5], 5],
  [[4, 1, 3, 2], 2.5],
])('finds the middle of %j', (values, middle) => {
  expect(median(values)).toBe(middle)
})

it('has no middle of nothing', () => {
  expect(median([])).toBeNaN()
})

it('takes quantiles between neighbours, and leaves the values in their order', () => {
  const values = [40, 10, 20, 30, 50]
  expect(quantile(values, 0.25)).toBe(20)
  expect(quantile(values, 0.1)).toBeCloseTo(14)
  expect(interquartileRange(values)).toBe(20)
  expect(values).toEqual([40, 10, 20, 30, 50])
})

it('compares round by round, as far as both went', () => {
  expect(pairwiseRatios([2, 9, 4], [1, 3])).toEqual([2, 3])
})
