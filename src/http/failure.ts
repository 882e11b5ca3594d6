import { ActionError, type ErrorCode } from '../errors.ts'
import { withoutBrackets } from './ip-address.ts'
import type { ReplyHead } from './reply-head.ts'
import { attemptsWorth, errorCode, isRetryStatus, parseRetryAfter, TransientError } from './retry.ts'

const TLS_CODES =
  /^(ERR_TLS_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|ERR_SSL_|UND_ERR_PRX_TLS)/
/** No connection was made, be it for want of an address. */
const UNREACHED_CODES =
  /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|UND_ERR_CONNECT_TIMEOUT)$/
const NOT_HTTP_CODES = /^(HPE_(?!INVALID_EOF_STATE)|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_EXCEEDED)/

/** What a server closes without an answer, or answers, that was to be spoken to in TLS. */
const UNSPOKEN_CODES = /^(UND_ERR_SOCKET|ECONNRESET|HPE_INVALID_CONSTANT|HPE_INVALID_VERSION)$/
const WANTS_HTTPS = '; perhaps this server wants https'

interface Asked {
  /** That the request had yet to go through. */
  readonly proxy?: URL | undefined
  /** Whether the head of a reply came before. */
  readonly isAnswered?: boolean
}

/** A network error as a person reads it, the original as its cause. */
export function networkError(error: unknown, url: URL, { proxy, isAnswered = false }: Asked = {}): unknown {
  if (error instanceof ActionError) return error
  const refusal = proxyRefusal(error, url)
  if (refusal !== undefined) return refusal
  const code = errorCode(error) ?? ''
  const what = placeOf(url)
  const atMost = attemptsWorth(error)
  const failure = (errorCode: ErrorCode, message: string): ActionError =>
    atMost === 0
      ? new ActionError(errorCode, message, { cause: error })
      : new TransientError(errorCode, message, { cause: error, atMost })
  const proxyFailure = proxy && failureOfProxy(error, url, proxy)
  if (proxyFailure !== undefined) return failure('PROXY_FAILED', proxyFailure)
  if (TLS_CODES.test(code) && atMost === 0) {
    return failure('TLS_FAILED', `no trusted TLS connection to ${url.host}; ${tlsHint(code)}`)
  }
  const wantsHttps = !isAnswered && url.protocol === 'http:' && UNSPOKEN_CODES.test(code) ? WANTS_HTTPS : ''
  if (NOT_HTTP_CODES.test(code))
    return failure('PROTOCOL_ERROR', `${what} does not answer in valid HTTP${wantsHttps}`)
  if (isOutOfDescriptors(code)) {
    const advice = 'raise the limit of open files (ulimit -n), or lower the input concurrency'
    return failure('CONNECTION_FAILED', `no file descriptor is left for a connection to ${what}: ${advice}`)
  }
  return failure('CONNECTION_FAILED', `request for ${what} failed${connectionHint(code, url)}${wantsHttps}`)
}

function connectionHint(code: string, { hostname }: URL): string {
  if (code === 'ENOTFOUND') return `; check the name ${hostname} and the runner's network`
  return code === 'ECONNREFUSED' ? '; check server (or url), and that the server runs' : ''
}

/** What failed of the way to a proxy and of its tunnel; undefined for what failed beyond, or is no matter of the way. */
function failureOfProxy(error: unknown, url: URL, proxy: URL): string | undefined {
  const code = errorCode(error) ?? ''
  const advice = 'check https_proxy, http_proxy and no_proxy'
  if (code === 'UND_ERR_HEADERS_TIMEOUT') {
    return `the proxy ${proxy.host} did not answer when asked for ${url.host}; ${advice}`
  }
  if (!UNREACHED_CODES.test(code) || isHandshakeTimeout(error, url)) return undefined
  return `could not reach the proxy ${proxy.host} for ${url.host}; ${advice}`
}

/** Whether the target took too long in a tunnel: undici tells in words only whom it waited for. */
function isHandshakeTimeout(error: unknown, url: URL): boolean {
  const target = `${withoutBrackets(url.hostname)}:${url.port || 443}`
  return error instanceof Error && error.message.includes(`(attempted address: ${target},`)
}

/** Whether a code says that the process, or the whole machine, has as many files open as it may. */
export function isOutOfDescriptors(code: string): boolean {
  return code === 'EMFILE' || code === 'ENFILE'
}

function tlsHint(code: string): string {
  if (/^CERT_(HAS_EXPIRED|NOT_YET_VALID)/.test(code)) {
    return "its certificate is not valid now: it has to be renewed, or this machine's clock is wrong"
  }
  if (/ALTNAME|HOSTNAME|UND_ERR_PRX_TLS/.test(code)) {
    return 'its certificate is for another name: use a name that it is for'
  }
  if (/NO_APPLICATION_PROTOCOL/.test(code)) return 'it offers no HTTP/1.1, which is what is spoken here'
  if (/WRONG_VERSION_NUMBER/.test(code)) {
    return 'it does not speak TLS at this port, so perhaps it is an http:// address'
  }
  if (/^ERR_SSL_/.test(code)) return 'check that the server speaks TLS at this port'
  return 'where a private certificate authority signed it, set NODE_EXTRA_CA_CERTS to its certificate'
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

/** What servers answer in plain HTTP at a port for TLS. */
const PLAIN_AT_TLS = new Set([400, 426])

/** The error for a reply whose status is of no use. */
export function statusError(reply: ReplyHead, nowMs: number): ActionError {
  const { status } = reply
  const answered = `${placeOf(reply.url)} answered ${status}`
  if (status === 401 || status === 403) {
    return new ActionError(
      'ACCESS_DENIED',
      `${answered}; check the input authorization (or CACHEW_AUTHORIZATION) and the server's policy`,
    )
  }
  if (status === 407) return new ActionError('PROXY_FAILED', `${answered}; the proxy wants credentials`)
  if (status === 404 || status === 410) {
    return new ActionError('NOT_FOUND', `${answered}; check server, repository and github-server-url, or url`)
  }
  if (!isRetryStatus(status)) {
    const hint = reply.url.protocol === 'http:' && PLAIN_AT_TLS.has(status) ? WANTS_HTTPS : ''
    return new ActionError(
      status >= 500 ? 'SERVER_ERROR' : 'PROTOCOL_ERROR',
      `${answered}, which is no snapshot${hint}`,
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

/** The error of a request that a redirect led to, with the place that was asked first. */
export function redirectedError(error: unknown, from: URL): unknown {
  if (!(error instanceof ActionError)) return error
  const message = `${error.message}; ${placeOf(from)} redirects there`
  const { code, cause } = error
  if (!(error instanceof TransientError)) return new ActionError(code, message, { cause })
  const { retryAfterMs, atMost } = error
  return new TransientError(code, message, { cause, retryAfterMs, atMost })
}
