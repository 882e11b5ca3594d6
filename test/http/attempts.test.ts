import { describe, expect, it } from 'vitest'
import { ActionError } from '../../src/errors.ts'
import { type Attempts, withRetries } from '../../src/http/attempts.ts'
import { TransientError } from '../../src/http/retry.ts'

/** Attempts whose waits are over at once, and what they waited for. */
function attempts(overrides: Partial<Attempts> = {}): Attempts & { readonly seen: [unknown, number][] } {
  const seen: [unknown, number][] = []
  return {
    attempts: 2,
    budget: { left: 100 },
    remainingMs: () => Number.POSITIVE_INFINITY,
    random: () => 0.5,
    wait: async () => {},
    onRetry: (error, delayMs) => seen.push([error, delayMs]),
    seen,
    ...overrides,
  }
}

function failing(times: number, error: unknown): () => Promise<string> {
  let left = times
  return async () => {
    if (left-- > 0) throw error
    return 'done'
  }
}

const TRANSIENT = new TransientError('SERVER_ERROR', 'answered 503')

describe('attempts', () => {
  it('end with the first that succeeds, each failure before it told with its delay', async () => {
    const options = attempts()
    expect(await withRetries(failing(2, TRANSIENT), options)).toBe('done')
    expect(options.seen).toEqual([
      [TRANSIENT, 125],
      [TRANSIENT, 250],
    ])
  })

  it('that are used up say how often it was tried, and keep the code and the cause', async () => {
    const failure = withRetries(failing(3, TRANSIENT), attempts())
    await expect(failure).rejects.toMatchObject({
      code: 'SERVER_ERROR',
      message: 'gave up after 3 attempts: answered 503',
      cause: TRANSIENT,
    })
  })

  it('are one for a failure that is to stand, as it is', async () => {
    const error = new ActionError('NOT_FOUND', 'gone')
    await expect(withRetries(failing(1, error), attempts())).rejects.toBe(error)
  })

  it('end while they wait when the whole is cancelled', async () => {
    const cancelled = new ActionError('CANCELLED', 'cancelled')
    const wait = (): Promise<void> => Promise.reject(cancelled)
    await expect(withRetries(failing(1, TRANSIENT), attempts({ wait }))).rejects.toBe(cancelled)
  })
})
