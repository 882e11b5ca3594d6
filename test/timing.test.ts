import { expect, it } from 'vitest'
import { Timing } from '../src/timing.ts'
import { deferred } from './support/deferred.ts'

it('gives back what a stage returns, and adds up its times', async () => {
  const timing = new Timing<'open' | 'restore'>()
  const work = async () => {
    const end = performance.now() + 5
    while (performance.now() < end);
    return 'done'
  }
  expect(timing.milliseconds('open')).toBe(0)
  expect(await timing.measure('open', work)).toBe('done')
  const once = timing.milliseconds('open')
  expect(once).toBeGreaterThanOrEqual(5)
  await timing.measure('open', work)
  expect(timing.milliseconds('open')).toBeGreaterThanOrEqual(once + 5)
  expect(timing.milliseconds('restore')).toBe(0)
})

it('counts the time of a stage that fails, and lets its error through', async () => {
  const timing = new Timing<'open'>()
  const failing = deferred<never>()
  const measured = timing.measure('open', () => failing.promise)
  const error = new Error('failed')
  failing.reject(error)
  await expect(measured).rejects.toBe(error)
  expect(timing.milliseconds('open')).toBeGreaterThan(0)
})
