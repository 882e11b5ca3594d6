import { expect, it } from 'vitest'
import { together } from '../src/together.ts'
import { deferred } from './support/deferred.ts'
import { turns } from './support/turns.ts'

it('gives both results', async () => {
  expect(await together(Promise.resolve(1), Promise.resolve('two'))).toEqual([1, 'two'])
})

it.each(['first', 'second'] as const)(
  'when the %s fails, waits for the other one, then throws',
  async (which) => {
    const [failing, lasting] = [deferred<never>(), deferred()]
    let settled = false
    const both =
      which === 'first'
        ? together(failing.promise, lasting.promise)
        : together(lasting.promise, failing.promise)
    const outcome = both
      .catch((error: unknown) => error)
      .finally(() => {
        settled = true
      })
    const error = new Error('failed')
    failing.reject(error)
    await turns()
    expect(settled).toBe(false)
    lasting.resolve()
    expect(await outcome).toBe(error)
  },
)

it('throws the first error, and leaves no other unhandled', async () => {
  const [first, second] = [deferred<never>(), deferred<never>()]
  const both = together(first.promise, second.promise)
  second.reject(new Error('second'))
  first.reject(new Error('first'))
  await expect(both).rejects.toThrow('second')
})
