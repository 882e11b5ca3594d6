import { ActionError, describeError } from '../errors.ts'
import { attemptsWorth, errorCode, isRetryStatus, parseRetryAfter, TransientError } from './retry.ts'

const TLS_CODES =
  /^(ERR_TLS_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|ERR_SSL_|UND_ERR_PRX_TLS)/

/** A network error as a person reads it, the original as its cause. */
export function networkError(error: unknown, url: URL): unknown {
  if (error instanceof ActionError) return error
  const code = errorCode(error)
  const what = placeOf(url)
  const refusal = proxyRefusal(error, url)
  if (refusal !== undefined) return refusal
  if (code !== undefined && TLS_CODES.test(code) && attemptsWorth(error) === 0) {
    const hint = 'where a private certificate authority signed it, set NODE_EXTRA_CA_CERTS to its certificate'
    return new ActionError('TLS_FAILED', `no trusted TLS connection to ${url.host}; ${hint}`, {
      cause: error,
    })
  }
  const message = `request for ${what} failed`
  const atMost = attemptsWorth(error)
  if (atMost > 0) return new TransientError('CONNECTION_FAILED', message, { cause: error, atMost })
  if (code !== undefined && /^(HPE_|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_)/.test(code)) {
    return new ActionError('PROTOCOL_ERROR', `${what} does not answer in valid HTTP`, { cause: error })
  }
  return new ActionError('CONNECTION_FAILED', `${message}: ${describeError(error)}`, { cause: error })
}

/** Where a proxy refused, which undici tells in words only. */
function proxyRefusal(cause: unknown, url: URL): ActionError | undefined {
  if (!(cause instanceof Error)) return undefined
  const status = /^Proxy (?:response|Authentication Required) \((\d{3})\)/.exec(cause.message)?.[1]
  if (status === undefined) return undefined
  const message = `the proxy answered ${status} when asked for ${url.host}`
  if (isRetryStatus(Number(status))) return new TransientError('PROXY_FAILED', message, { cause })
  const variable = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  return new ActionError('PROXY_FAILED', `${message}; check ${variable} and NO_PROXY`, { cause })
}

interface FailedReply {
  readonly url: URL
  readonly status: number
  header(name: string): string | undefined
}

/** The error for a reply whose status is of no use. */
export function statusError(reply: FailedReply, nowMs: number): ActionError {
  const { status } = reply
  const answered = `${placeOf(reply.url)} answered ${status}`
  if (status === 401 || status === 403) {
    return new ActionError(
      'ACCESS_DENIED',
      `${answered}; check the input authorization and the server's policy`,
    )
  }
  if (status === 407) return new ActionError('PROXY_FAILED', `${answered}; the proxy wants credentials`)
  if (status === 404 || status === 410) {
    return new ActionError('NOT_FOUND', `${answered}; check server, repository and github-server-url`)
  }
  if (!isRetryStatus(status)) {
    return new ActionError(
      status >= 500 ? 'SERVER_ERROR' : 'PROTOCOL_ERROR',
      `${answered}, which is no snapshot`,
    )
  }
  const retryAfterMs = parseRetryAfter(reply.header('retry-after'), nowMs)
  const wait = retryAfterMs === undefined ? '' : ` and asks to wait ${Math.ceil(retryAfterMs / 1000)} s`
  return new TransientError(status === 429 ? 'RATE_LIMITED' : 'SERVER_ERROR', `${answered}${wait}`, {
    retryAfterMs,
  })
}

/** A URL as it may be shown: without its query, which may be signed. */
export function placeOf(url: URL): string {
  return `${url.origin}${url.pathname}`
}
