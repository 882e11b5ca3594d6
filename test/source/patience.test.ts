import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ActionError } from '../../src/errors.ts'
import { withRetries } from '../../src/http/attempts.ts'
import { PATIENCE, Patience } from '../../src/source/patience.ts'

const unlimited: ConstructorParameters<typeof Patience>[0] = {
  retries: 5,
  stallMs: 30_000,
  timeoutMs: 0,
  onMiss: 'fetch',
}

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function patient(limits: Partial<typeof unlimited> = {}) {
  const cancel = new AbortController()
  const lines: string[] = []
  const patience = new Patience(
    { ...unlimited, ...limits },
    { signal: cancel.signal, log: (line) => lines.push(line) },
  )
  return { patience, cancel, lines }
}

describe('the deadline', () => {
  it('aborts with TIMEOUT and names the input', () => {
    const { patience } = patient({ timeoutMs: 90_000 })
    vi.advanceTimersByTime(89_999)
    expect(patience.signal.aborted).toBe(false)
    vi.advanceTimersByTime(1)
    expect(patience.signal.reason).toMatchObject({
      code: 'TIMEOUT',
      message: 'the snapshot took longer than 1.5 minutes (input timeout)',
    })
  })

  it('is no longer there after the end, and never where it is 0', () => {
    const { patience } = patient({ timeoutMs: 60_000 })
    patience.end()
    patient()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(120_000)
    expect(patience.signal.aborted).toBe(false)
  })

  it('tells repeated requests what is left of it', () => {
    const { patience } = patient({ timeoutMs: 60_000 })
    const { remainingMs } = patience.attemptsFor(1, patience.signal)
    vi.advanceTimersByTime(20_000)
    expect(remainingMs()).toBe(40_000)
    const { patience: endless } = patient()
    expect(endless.attemptsFor(1, endless.signal).remainingMs()).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('a server that does not answer well', () => {
  const down = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })

  it.each<[string, Partial<typeof unlimited>, number]>([
    ['once more where a plain fetch can follow', {}, 2],
    ['as often as the input says where nothing else can follow', { onMiss: 'fail', retries: 3 }, 4],
  ])('is asked %s', async (_, limits, requests) => {
    const { patience } = patient(limits)
    const asked = vi.fn(() => Promise.reject(down))
    const attempts = patience.discoveryAttempts(1, patience.signal)
    const failing = expect(withRetries(asked, attempts)).rejects.toThrow()
    await vi.runAllTimersAsync()
    await failing
    expect(asked).toHaveBeenCalledTimes(requests)
  })

  it('is not asked again where it took its time to say so', async () => {
    const { patience } = patient()
    const asked = vi.fn(async () => {
      await vi.advanceTimersByTimeAsync(3000)
      throw down
    })
    await expect(withRetries(asked, patience.discoveryAttempts(1, patience.signal))).rejects.toThrow()
    expect(asked).toHaveBeenCalledTimes(1)
  })
})

it('a cancelled step is what aborts, by its own reason', () => {
  const { patience, cancel } = patient({ timeoutMs: 60_000 })
  const reason = new Error('cancelled')
  cancel.abort(reason)
  expect(patience.signal.reason).toBe(reason)
})

it('gives a stalled request as long as the input says', () => {
  const { patience } = patient({ stallMs: 7000 })
  expect(patience.stall).toEqual({ idleMs: 7000, bytesPerSecond: PATIENCE.floorBytesPerSecond })
})

describe('attempts', () => {
  it.each([
    [1, 10],
    [10, 10],
    [250, 250],
  ])('for %i chunks share %i retries, each request having its own', (chunks, budget) => {
    const { patience } = patient({ retries: 3 })
    expect(patience.attemptsFor(chunks, patience.signal)).toMatchObject({
      attempts: 3,
      budget: { left: budget },
    })
  })

  it('are counted and told, with the error and the wait', () => {
    const { patience, lines } = patient()
    const { onRetry } = patience.attemptsFor(1, patience.signal)
    onRetry(new ActionError('SERVER_ERROR', 'answered 503', { cause: new Error('why') }), 1234)
    onRetry(new Error('reset'), 0)
    expect(patience.retried).toBe(2)
    expect(lines).toEqual(['answered 503: why; trying again in 1.2 s', 'reset; trying again at once'])
  })

  it('wait no longer once they are cancelled, and throw the reason', async () => {
    vi.useRealTimers()
    const { patience, cancel } = patient()
    const { wait } = patience.attemptsFor(1, cancel.signal)
    await wait(0)
    const reason = new Error('cancelled')
    const waiting = wait(3_600_000)
    cancel.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(wait(3_600_000)).rejects.toBe(reason)
  })
})
