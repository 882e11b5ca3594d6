import { describe, expect, it } from 'vitest'
import { ActionError } from '../../src/errors.ts'
import {
  attemptsWorth,
  errorCode,
  isRetryStatus,
  parseRetryAfter,
  type RetryLimits,
  retryDelayMs,
  TransientError,
} from '../../src/http/retry.ts'

function limits(overrides: Partial<RetryLimits> = {}): RetryLimits {
  return {
    attempts: 5,
    budget: { left: 100 },
    remainingMs: () => Number.POSITIVE_INFINITY,
    random: () => 0.5,
    ...overrides,
  }
}

function coded(code: string): Error {
  return Object.assign(new Error('failed'), { code })
}

const TRANSIENT = new TransientError('SERVER_ERROR', 'answered 503')

describe('a status', () => {
  it.each([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524])(
    '%i is worth another attempt',
    (status) => {
      expect(isRetryStatus(status)).toBe(true)
    },
  )

  it.each([200, 206, 304, 400, 401, 403, 404, 407, 410, 412, 416, 501, 505, 525])('%i is not', (status) => {
    expect(isRetryStatus(status)).toBe(false)
  })
})

describe('an error', () => {
  it.each([
    'ECONNRESET',
    'ECONNREFUSED',
    'ETIMEDOUT',
    'EPIPE',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'EHOSTDOWN',
    'ENETDOWN',
    'UND_ERR_SOCKET',
    'UND_ERR_CONNECT_TIMEOUT',
    'UND_ERR_HEADERS_TIMEOUT',
    'UND_ERR_BODY_TIMEOUT',
    'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
    'UND_ERR_PRX_CONN',
    'HPE_INVALID_EOF_STATE',
  ])('%s of the network is worth as many attempts as there are', (code) => {
    expect(attemptsWorth(coded(code))).toBe(Number.POSITIVE_INFINITY)
  })

  it('of a name that does not resolve is worth two more attempts', () => {
    expect(attemptsWorth(coded('ENOTFOUND'))).toBe(2)
  })

  it('of a server that speaks no HTTP is worth one more attempt', () => {
    expect(attemptsWorth(coded('HPE_INVALID_CONSTANT'))).toBe(1)
  })

  it.each(['EMFILE', 'CERT_HAS_EXPIRED', 'HPE_INVALID_CONTENT_LENGTH', 'UND_ERR_HEADERS_OVERFLOW'])(
    '%s is worth none',
    (code) => {
      expect(attemptsWorth(coded(code))).toBe(0)
    },
  )

  it('of several addresses is worth what the least of them is', () => {
    expect(attemptsWorth(new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')]))).toBe(
      Number.POSITIVE_INFINITY,
    )
    expect(attemptsWorth(new AggregateError([coded('ECONNREFUSED'), coded('EACCES')]))).toBe(0)
  })

  it('that a decision made is worth none, unless it says so', () => {
    expect(attemptsWorth(new ActionError('NOT_FOUND', 'gone'))).toBe(0)
    expect(attemptsWorth(TRANSIENT)).toBe(Number.POSITIVE_INFINITY)
    expect(attemptsWorth(new TransientError('PROTOCOL_ERROR', 'odd', { atMost: 4 }))).toBe(4)
  })

  it.each([undefined, 'text', new Error('no code'), new TypeError('ours')])('%s is worth none', (error) => {
    expect(attemptsWorth(error)).toBe(0)
  })

  it('has the code of its cause, however deep', () => {
    const deep = new Error('outer', { cause: new Error('inner', { cause: coded('ECONNRESET') }) })
    expect(errorCode(deep)).toBe('ECONNRESET')
    const loop = new Error('loop')
    loop.cause = loop
    expect(errorCode(loop)).toBeUndefined()
  })
})

describe('the delay before another attempt', () => {
  it('doubles its ceiling from 250 ms up to 10 s', () => {
    const ceilings = [0, 1, 2, 3, 4, 5, 6, 7].map((retried) =>
      retryDelayMs(TRANSIENT, retried, limits({ attempts: 99, random: () => 1 })),
    )
    expect(ceilings).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000])
  })

  it('is anything from nothing to its ceiling, by chance', () => {
    expect(retryDelayMs(TRANSIENT, 1, limits({ random: () => 0 }))).toBe(0)
    expect(retryDelayMs(TRANSIENT, 1, limits({ random: () => 0.25 }))).toBe(125)
  })

  it('is what the server asks for, where that is longer', () => {
    const asked = new TransientError('RATE_LIMITED', 'slow down', { retryAfterMs: 7000 })
    expect(retryDelayMs(asked, 0, limits())).toBe(7000)
    const little = new TransientError('RATE_LIMITED', 'slow down', { retryAfterMs: 100 })
    expect(retryDelayMs(little, 1, limits())).toBe(250)
  })

  it('is none when the server asks for more than a minute, or than is left', () => {
    const asks = (retryAfterMs: number) => new TransientError('RATE_LIMITED', 'slow down', { retryAfterMs })
    expect(retryDelayMs(asks(60_000), 0, limits())).toBe(60_000)
    expect(retryDelayMs(asks(61_000), 0, limits())).toBeUndefined()
    expect(retryDelayMs(asks(7000), 0, limits({ remainingMs: () => 6000 }))).toBeUndefined()
  })

  it('is none when the attempts of the request are used up', () => {
    expect(retryDelayMs(TRANSIENT, 4, limits())).toBeDefined()
    expect(retryDelayMs(TRANSIENT, 5, limits())).toBeUndefined()
    expect(retryDelayMs(TRANSIENT, 0, limits({ attempts: 0 }))).toBeUndefined()
    const odd = new TransientError('PROTOCOL_ERROR', 'odd', { atMost: 1 })
    expect(retryDelayMs(odd, 0, limits())).toBeDefined()
    expect(retryDelayMs(odd, 1, limits())).toBeUndefined()
  })

  it('takes one of the attempts that all share, and is none when they are used up', () => {
    const shared = limits({ budget: { left: 2 } })
    expect(retryDelayMs(TRANSIENT, 0, shared)).toBeDefined()
    expect(retryDelayMs(new ActionError('NOT_FOUND', 'gone'), 0, shared)).toBeUndefined()
    expect(retryDelayMs(TRANSIENT, 0, shared)).toBeDefined()
    expect(retryDelayMs(TRANSIENT, 0, shared)).toBeUndefined()
    expect(shared.budget.left).toBe(0)
  })
})

describe('Retry-After', () => {
  const NOW = Date.parse('Wed, 21 Oct 2025 07:28:00 GMT')

  it.each([
    ['7', 7000],
    [' 7 ', 7000],
    ['0', 0],
    ['3600', 3_600_000],
    ['Wed, 21 Oct 2025 07:28:30 GMT', 30_000],
    ['Wed, 21 Oct 2025 07:27:00 GMT', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['', undefined],
    ['2025-10-21T07:28:30Z', undefined],
    ['99999999999999', undefined],
    [undefined, undefined],
  ])('%j asks to wait %s ms', (header, delayMs) => {
    expect(parseRetryAfter(header, NOW)).toBe(delayMs)
  })
})
