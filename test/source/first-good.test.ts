import { describe, expect, it } from 'vitest'
import { type Candidate, firstGood, type Lap, NoneGood, type Setback } from '../../src/source/first-good.ts'
import { type Deferred, deferred } from '../support/deferred.ts'
import { turns } from '../support/turns.ts'

type Begun = Lap & Deferred<string> & { readonly ended: () => boolean }

/** Candidates that do what the test says, and a clock that goes on when it does. */
function contest(count: number, signal = new AbortController().signal) {
  const begun: Begun[] = []
  const told: [number, Setback][] = []
  const headStarts: Deferred[] = []
  const candidates = Array.from(
    { length: count },
    (): Candidate<string> => async (lap) => {
      const { promise, resolve, reject } = deferred<string>()
      let isOver = false
      lap.signal.addEventListener('abort', () => reject(lap.signal.reason))
      begun.push({ ...lap, promise, resolve, reject, ended: () => isOver })
      try {
        return await promise
      } finally {
        isOver = true
      }
    },
  )
  const wait = (delayMs: number, over: AbortSignal): Promise<void> => {
    expect(delayMs).toBe(2000)
    const headStart = deferred()
    over.addEventListener('abort', () => headStart.reject(over.reason))
    headStarts.push(headStart)
    return headStart.promise
  }
  const onNext = (index: number, setback: Setback) => told.push([index, setback])
  const result = firstGood(candidates, { headStartMs: 2000, wait, signal, onNext })
  result.catch(() => {})
  return { begun, told, result, headStartEnds: () => headStarts.at(-1)?.resolve() }
}

describe('the first good one', () => {
  it('is the first candidate, and no other is begun, where that succeeds', async () => {
    const { begun, told, result } = contest(3)
    begun[0]?.resolve('one')
    expect(await result).toBe('one')
    expect(begun).toHaveLength(1)
    expect(told).toEqual([])
  })

  it('is the next one at once where the one before fails', async () => {
    const { begun, told, result } = contest(3)
    begun[0]?.reject('broken')
    await turns(2)
    begun[1]?.resolve('two')
    expect(await result).toBe('two')
    expect(begun).toHaveLength(2)
    expect(told).toEqual([[1, { kind: 'failed', error: 'broken' }]])
  })

  it('may still be the one before, which has a head start and then goes on beside the next', async () => {
    const { begun, told, result, headStartEnds } = contest(2)
    await turns(2)
    expect(begun).toHaveLength(1)
    headStartEnds()
    await turns(2)
    expect(told).toEqual([[1, { kind: 'slow' }]])
    begun[0]?.resolve('one')
    expect(await result).toBe('one')
    expect(begun[1]?.signal.aborted).toBe(true)
  })

  it('may be one that had a failure and went on', async () => {
    const { begun, told, result } = contest(2)
    begun[0]?.falter()
    await turns(2)
    expect(told).toEqual([[1, { kind: 'faltering' }]])
    begun[1]?.reject('broken')
    begun[0]?.resolve('one')
    expect(await result).toBe('one')
  })

  it('ends only when all others have, and is left alone itself', async () => {
    const { begun, result, headStartEnds } = contest(3)
    await turns(2)
    headStartEnds()
    await turns(2)
    headStartEnds()
    await turns(2)
    begun[1]?.resolve('two')
    expect(await result).toBe('two')
    expect(begun.map(({ ended }) => ended())).toEqual([true, true, true])
    expect(begun.map(({ signal }) => signal.aborted)).toEqual([true, false, true])
  })

  it('is nobody where all fail, which tells of each in the order in which they were given', async () => {
    const { begun, result, headStartEnds } = contest(3)
    await turns(2)
    headStartEnds()
    await turns(2)
    begun[1]?.reject('two is broken')
    await turns(2)
    begun[2]?.reject('three is broken')
    begun[0]?.reject('one is broken')
    await expect(result).rejects.toEqual(new NoneGood(['one is broken', 'two is broken', 'three is broken']))
  })

  it('is nobody once the whole is cancelled, and nothing is begun after that', async () => {
    const cancelled = new AbortController()
    const { begun, result } = contest(3, cancelled.signal)
    cancelled.abort(new Error('cancelled'))
    await expect(result).rejects.toThrow('cancelled')
    expect(begun).toHaveLength(1)
    expect(begun[0]?.ended()).toBe(true)
  })
})
