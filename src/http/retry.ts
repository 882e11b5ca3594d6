import { ActionError, type ErrorCode } from '../errors.ts'

export interface RetryLimits {
  /** More attempts after the first, for one request. */
  readonly attempts: number
  /** More attempts that all requests of a download share; counted down here. */
  readonly budget: { left: number }
  /** Milliseconds until the deadline of the whole; Infinity for none. */
  readonly remainingMs: () => number
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

interface TransientOptions extends ErrorOptions {
  readonly retryAfterMs?: number | undefined
  readonly atMost?: number | undefined
}

/** A failure that another attempt may not meet. */
export class TransientError extends ActionError {
  /** What the server asked us to wait. */
  readonly retryAfterMs: number | undefined
  /** More attempts than this are in vain. */
  readonly atMost: number

  constructor(code: ErrorCode, message: string, options: TransientOptions = {}) {
    super(code, message, options)
    this.retryAfterMs = options.retryAfterMs
    this.atMost = options.atMost ?? Number.POSITIVE_INFINITY
  }
}

const RETRY_STATUSES = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524])

/** Codes of network errors that another attempt may not meet. */
const RETRY_CODES = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EPIPE',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'ENOTFOUND',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'HPE_INVALID_EOF_STATE',
  'UND_ERR_PRX_CONN',
  'ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC',
  'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC',
  'HPE_INVALID_CONSTANT',
  'HPE_INVALID_VERSION',
])
/** For some of them more attempts than this are in vain: who is no HTTP server will hardly become one. */
const MOST_ATTEMPTS = new Map([
  ['ENOTFOUND', 2],
  ['HPE_INVALID_CONSTANT', 1],
  ['HPE_INVALID_VERSION', 1],
])

const BASE_DELAY_MS = 250
const MAX_DELAY_MS = 10_000
const MAX_RETRY_AFTER_MS = 60_000

export function isRetryStatus(status: number): boolean {
  return RETRY_STATUSES.has(status)
}

/** How many more attempts a failure is worth: 0 where none can help. */
export function attemptsWorth(error: unknown): number {
  if (error instanceof TransientError) return error.atMost
  if (error instanceof ActionError) return 0
  if (error instanceof AggregateError) return Math.min(...error.errors.map(attemptsWorth))
  const code = errorCode(error)
  if (code === undefined || !RETRY_CODES.has(code)) return 0
  return MOST_ATTEMPTS.get(code) ?? Number.POSITIVE_INFINITY
}

/**
 * How long to wait before attempt `retried + 1` is repeated, by full jitter and Retry-After;
 * undefined where the failure is to stand. Takes one from the shared budget.
 */
export function retryDelayMs(error: unknown, retried: number, limits: RetryLimits): number | undefined {
  if (retried >= Math.min(attemptsWorth(error), limits.attempts) || limits.budget.left <= 0) return undefined
  const retryAfterMs = error instanceof TransientError ? (error.retryAfterMs ?? 0) : 0
  // No time left is negative, so that this also ends what is overdue.
  if (retryAfterMs > Math.min(MAX_RETRY_AFTER_MS, limits.remainingMs())) return undefined
  limits.budget.left -= 1
  const ceiling = Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** retried)
  return Math.max(retryAfterMs, limits.random() * ceiling)
}

/** Reads Retry-After (RFC 9110, 10.2.3) in milliseconds from now; undefined where it says nothing usable. */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const date = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN
  return date > nowMs ? date - nowMs : undefined
}

/** The code of the error that Node, undici or the system gave, however deep it lies. */
export function errorCode(error: unknown): string | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; depth += 1) {
    if ('code' in current && typeof current.code === 'string') return current.code
    if (current.name === 'HTTPParserError') return parserCode(current.message)
    current = current.cause
  }
  return undefined
}

/** The one error of undici whose code is lost. */
function parserCode(message: string): string {
  if (/\bEOF\b/.test(message)) return 'HPE_INVALID_EOF_STATE'
  return message.includes('Expected HTTP/') ? 'HPE_INVALID_CONSTANT' : 'HPE_INVALID'
}
