import { describe, expect, it } from 'vitest'
import { inOrder } from '../src/in-order.ts'
import { type Deferred, deferred } from './support/deferred.ts'
import { turns } from './support/turns.ts'

/** Jobs that end when the test says so, or are cancelled, and what became of them. */
class Jobs {
  readonly begun: number[] = []
  readonly cancelled: unknown[] = []
  running = 0
  maxRunning = 0
  readonly #ends: Deferred[] = []

  readonly begin = (input: number): { value: string; done: Promise<void> } => {
    const end = deferred()
    this.begun.push(input)
    this.#ends[input] = end
    this.running += 1
    this.maxRunning = Math.max(this.maxRunning, this.running)
    const done = end.promise.finally(() => {
      this.running -= 1
    })
    return { value: `value ${input}`, done }
  }

  readonly cancel = (reason: unknown): void => {
    this.cancelled.push(reason)
    for (const end of this.#ends) end.reject(reason)
  }

  end(input: number): void {
    this.#ends[input]?.resolve()
  }

  fail(input: number, error: unknown): void {
    this.#ends[input]?.reject(error)
  }

  run(count: number, limits: { active: number; window: number }): AsyncGenerator<string> {
    const inputs = Array.from({ length: count }, (_, input) => input)
    return inOrder(inputs, this.begin, { ...limits, cancel: this.cancel })
  }
}

describe('jobs in order', () => {
  it('give their values in the order of the inputs, whichever ends first', async () => {
    const jobs = new Jobs()
    const values = jobs.run(3, { active: 3, window: 3 })
    const all = Array.fromAsync(values)
    await turns()
    for (const input of [2, 0, 1]) jobs.end(input)
    expect(await all).toEqual(['value 0', 'value 1', 'value 2'])
    expect(jobs.cancelled).toHaveLength(1)
  })

  it('give a value when its job begins, not when it ends', async () => {
    const jobs = new Jobs()
    const values = jobs.run(2, { active: 1, window: 2 })
    expect(await values.next()).toEqual({ value: 'value 0', done: false })
    expect(jobs.running).toBe(1)
    await values.return(undefined)
  })

  it('do not begin before the consumer asks', async () => {
    const jobs = new Jobs()
    jobs.run(2, { active: 1, window: 2 })
    await turns()
    expect(jobs.begun).toEqual([])
  })

  it('run at most so many at a time', async () => {
    const jobs = new Jobs()
    const values = jobs.run(5, { active: 2, window: 5 })
    await values.next()
    await turns()
    expect(jobs.begun).toEqual([0, 1])
    jobs.end(1)
    await turns()
    expect(jobs.begun).toEqual([0, 1, 2])
    await values.return(undefined)
    expect(jobs.maxRunning).toBe(2)
  })

  it('stay within the window while the consumer sleeps, the value it has included', async () => {
    const jobs = new Jobs()
    const values = jobs.run(9, { active: 2, window: 3 })
    await values.next()
    for (let input = 0; input < 9; input += 1) {
      jobs.end(input)
      await turns()
    }
    expect(jobs.begun).toEqual([0, 1, 2])
    await values.next()
    await turns()
    expect(jobs.begun).toEqual([0, 1, 2, 3])
    await values.return(undefined)
  })

  it('wait for inputs that come late, and end with them', async () => {
    const late = deferred<number>()
    async function* inputs(): AsyncGenerator<number> {
      yield 0
      yield await late.promise
    }
    const jobs = new Jobs()
    const values = inOrder(inputs(), jobs.begin, { active: 2, window: 2, cancel: jobs.cancel })
    await values.next()
    const second = values.next()
    late.resolve(1)
    expect((await second).value).toBe('value 1')
    jobs.end(0)
    jobs.end(1)
    expect(await values.next()).toEqual({ value: undefined, done: true })
  })

  it('are none for no inputs', async () => {
    expect(await Array.fromAsync(new Jobs().run(0, { active: 2, window: 2 }))).toEqual([])
  })
})

describe('jobs in order end all at once', () => {
  it('when one fails, with its error, though values before it are not taken yet', async () => {
    const jobs = new Jobs()
    const values = jobs.run(9, { active: 3, window: 6 })
    await values.next()
    await turns()
    const error = new Error('boom')
    jobs.fail(2, error)
    await turns()
    await expect(values.next()).rejects.toBe(error)
    expect(jobs.cancelled).toEqual([error])
    expect(jobs.running).toBe(0)
    expect(jobs.begun).toEqual([0, 1, 2])
  })

  it('when several fail, with the error of the first', async () => {
    const jobs = new Jobs()
    const values = jobs.run(3, { active: 3, window: 3 })
    await values.next()
    await turns()
    jobs.fail(1, new Error('first'))
    jobs.fail(0, new Error('second'))
    await turns()
    await expect(values.next()).rejects.toThrow('first')
    expect(jobs.cancelled).toHaveLength(1)
  })

  it('when the last job fails after all values were taken', async () => {
    const jobs = new Jobs()
    const values = jobs.run(1, { active: 1, window: 1 })
    await values.next()
    jobs.fail(0, new Error('late'))
    await turns()
    await expect(values.next()).rejects.toThrow('late')
  })

  it('when the inputs fail', async () => {
    async function* inputs(): AsyncGenerator<number> {
      yield 0
      throw new Error('no more inputs')
    }
    const jobs = new Jobs()
    const values = inOrder(inputs(), jobs.begin, { active: 2, window: 2, cancel: jobs.cancel })
    await values.next()
    await expect(values.next()).rejects.toThrow('no more inputs')
    expect(jobs.running).toBe(0)
  })

  it('when a job cannot begin', async () => {
    const begin = (): never => {
      throw new Error('cannot begin')
    }
    const values = inOrder([0], begin, { active: 1, window: 1, cancel: () => {} })
    await expect(values.next()).rejects.toThrow('cannot begin')
  })

  it('when the consumer stops, and inputs that wait are told', async () => {
    const jobs = new Jobs()
    const told = deferred<unknown>()
    async function* inputs(): AsyncGenerator<number> {
      yield 0
      await told.promise
    }
    const cancel = (reason: unknown): void => {
      jobs.cancel(reason)
      told.resolve(reason)
    }
    for await (const value of inOrder(inputs(), jobs.begin, { active: 2, window: 2, cancel })) {
      expect(value).toBe('value 0')
      break
    }
    expect(jobs.cancelled).toEqual([new Error('the consumer stopped')])
    expect(jobs.running).toBe(0)
  })

  it('but not before the last running job has ended', async () => {
    const stubborn = deferred()
    const begin = (input: number) => ({
      value: input,
      done: input === 0 ? stubborn.promise : Promise.reject(new Error('boom')),
    })
    const values = inOrder([0, 1], begin, { active: 2, window: 2, cancel: () => {} })
    let over = false
    const all = Array.fromAsync(values).finally(() => {
      over = true
    })
    all.catch(() => {})
    await turns()
    expect(over).toBe(false)
    stubborn.resolve()
    await expect(all).rejects.toThrow('boom')
  })
})
