import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inOrder } from '../src/in-order.ts'
import { deferred } from './support/deferred.ts'

describe('jobs in order, whatever happens when', () => {
  const runs = fc.record({
    count: fc.nat({ max: 20 }),
    active: fc.integer({ min: 1, max: 6 }),
    more: fc.nat({ max: 6 }),
    failing: fc.uniqueArray(fc.nat({ max: 25 }), { maxLength: 3 }),
    stopAfter: fc.option(fc.nat({ max: 20 }), { nil: Number.POSITIVE_INFINITY }),
  })

  it('keep their order, their bounds and their first error, and leave nothing running', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), runs, async (scheduler, run) => {
        const { count, active, failing, stopAfter } = run
        const window = active + run.more
        const cancelled = deferred<never>()
        cancelled.promise.catch(() => {})
        let [begun, taken, running, cancels] = [0, 0, 0, 0]
        let firstError: unknown

        const begin = (input: number) => {
          begun += 1
          running += 1
          expect(running).toBeLessThanOrEqual(active)
          expect(begun - taken).toBeLessThanOrEqual(window)
          const work = scheduler.schedule(Promise.resolve(), `job ${input}`).then(() => {
            if (!failing.includes(input)) return
            const error = new Error(`job ${input}`)
            if (cancels === 0) firstError ??= error
            throw error
          })
          const done = Promise.race([work, cancelled.promise]).finally(() => {
            running -= 1
          })
          return { value: input, done }
        }
        const cancel = (reason: unknown): void => {
          cancels += 1
          cancelled.reject(reason)
        }
        const consume = async (): Promise<number[]> => {
          const values: number[] = []
          const inputs = Array.from({ length: count }, (_, input) => input)
          for await (const value of inOrder(inputs, begin, { active, window, cancel })) {
            values.push(value)
            if (values.length > stopAfter) break
            await scheduler.schedule(Promise.resolve(), `consumer ${value}`)
            taken += 1
          }
          return values
        }

        const outcome = await scheduler.waitFor(
          consume().then(
            (values) => ({ values }),
            (error: unknown) => ({ error }),
          ),
        )
        expect(running).toBe(0)
        expect(cancels).toBe(1)
        if ('error' in outcome) {
          expect(outcome.error).toBe(firstError)
        } else {
          expect(outcome.values).toEqual(Array.from({ length: outcome.values.length }, (_, input) => input))
          expect(outcome.values).toHaveLength(Math.min(count, stopAfter + 1))
        }
      }),
      { numRuns: 500, seed: 20251122 },
    )
  })
})
