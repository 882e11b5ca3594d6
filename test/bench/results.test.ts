import { expect, it } from 'vitest'
import { summariesOf, verdictsOf } from '../../bench/results.ts'
import { caseResult, entrant } from './result.ts'

const [ours, pipe] = ['this action', 'curl | zstd | tar']

it('sums up each entrant by its median, its spread, and the median of its ratios', () => {
  expect(summariesOf(caseResult())).toEqual([
    { name: ours, value: 100, least: 90, most: 130, ratio: 0.65, cpuMs: 200, peakBytes: 130 * 1024 ** 2 },
    { name: pipe, value: 200, least: 100, most: 200, ratio: 1, cpuMs: 400, peakBytes: 200 * 1024 ** 2 },
  ])
})

it('leaves out what nobody measured', () => {
  const entrants = [{ name: ours, samples: [{ wallMs: 5 }] }]
  const [summary] = summariesOf(caseResult({ entrants, reference: undefined }))
  expect(summary).toMatchObject({ value: 5, ratio: undefined, cpuMs: undefined, peakBytes: undefined })
})

it('judges a goal by the first of its peers that took part', () => {
  const goals = [{ of: ours, to: ['cachew git restore', pipe], atMost: 0.7 }]
  expect(verdictsOf(caseResult({ goals }))).toEqual([{ goal: goals[0], to: pipe, value: 0.65, isMet: true }])
  const entrants = [...caseResult().entrants, entrant('cachew git restore', 100, 100, 100)]
  expect(verdictsOf(caseResult({ goals, entrants }))).toMatchObject([
    { to: 'cachew git restore', value: 1, isMet: false },
  ])
})

it('judges no goal that nobody could be compared for', () => {
  const goals = [{ of: ours, to: ['git clone'], atMost: 0.7 }]
  expect(verdictsOf(caseResult({ goals }))).toEqual([])
})

it('judges memory by its worst round, and time by its median', () => {
  const goals = [{ of: ours, atMost: 110 * 1024 ** 2 }]
  expect(verdictsOf(caseResult({ goals, quantity: 'peakBytes' }))).toMatchObject([{ isMet: false }])
  expect(verdictsOf(caseResult({ goals: [{ of: ours, atMost: 110 }] }))).toMatchObject([{ isMet: true }])
})
