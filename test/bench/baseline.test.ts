import { expect, it } from 'vitest'
import { type Baseline, baselineOf, readBaseline, regressions } from '../../bench/baseline.ts'
import { caseResult, entrant } from './result.ts'

function baseline(ratio: number, { cores = 2, name = 'quick / curl' } = {}): Baseline {
  return { cores, ratios: { [name]: { ratio, noise: 0.1 } } }
}

it('says nothing of a ratio that is better, or worse within the noise', () => {
  expect(regressions(baseline(0.5), baseline(0.8))).toEqual([])
  expect(regressions(baseline(0.899), baseline(0.8))).toEqual([])
})

it('names a ratio that is worse than the noise allows, with what it is, was and may be', () => {
  expect(regressions(baseline(0.91), baseline(0.8))).toEqual([
    'quick / curl: the ratio is 0.91 now, was 0.80 before, and may be 0.90',
  ])
})

it('says it where the baseline is of a machine with other cores', () => {
  const [words] = regressions(baseline(2), baseline(0.8, { cores: 4 }))
  expect(words).toContain('measured on 4 cores, and here are 2')
})

it('takes neither a ratio that is missing nor one that is new for good', () => {
  expect(regressions(baseline(0.8), baseline(0.8, { name: 'quick / git' }))).toEqual([
    'quick / git: is in the baseline, and was not measured',
    'quick / curl: is not in the baseline (--update-baseline puts it there)',
  ])
})

it('takes the spread of the rounds as noise, and some percent where they agree', () => {
  const spread = [entrant('ours', 50, 60, 70, 80, 90), entrant('peer', 100, 100, 100, 100, 100)]
  expect(baselineOf(caseResult({ name: 'quick', entrants: spread }), 'ours', 2)).toEqual({
    cores: 2,
    ratios: { 'quick / peer': { ratio: 0.7, noise: 0.2 } },
  })
  const alike = [entrant('ours', 50, 50, 50), entrant('peer', 100, 100, 100)]
  expect(baselineOf(caseResult({ name: 'quick', entrants: alike }), 'ours', 2).ratios).toEqual({
    'quick / peer': { ratio: 0.5, noise: 0.125 },
  })
})

it('has a ratio for each peer of the quick case', () => {
  expect(Object.keys(readBaseline().ratios)).toEqual([
    'quick / curl | zstd | tar',
    'quick / git fetch --depth 1',
  ])
})
