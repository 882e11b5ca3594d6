import { describe, expect, it } from 'vitest'
import { ActionError, describeError } from '../../src/errors.ts'
import { networkError, placeOf, statusError } from '../../src/http/failure.ts'
import { attemptsWorth, TransientError } from '../../src/http/retry.ts'

const PLACE = new URL('https://user:pa55word@cachew.example:8443/git/snapshot.tar.zst?signature=s3cret#part')

function coded(code: string, message = 'failed', cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code })
}

describe('the place of a failure', () => {
  it('is a URL without user, query and fragment', () => {
    expect(placeOf(PLACE)).toBe('https://cachew.example:8443/git/snapshot.tar.zst')
  })
})

describe('a network error', () => {
  it.each([
    ['ECONNRESET', 'CONNECTION_FAILED', Number.POSITIVE_INFINITY],
    ['ECONNREFUSED', 'CONNECTION_FAILED', Number.POSITIVE_INFINITY],
    ['ENOTFOUND', 'CONNECTION_FAILED', 2],
    ['UND_ERR_SOCKET', 'CONNECTION_FAILED', Number.POSITIVE_INFINITY],
    ['ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC', 'CONNECTION_FAILED', Number.POSITIVE_INFINITY],
    ['ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'CONNECTION_FAILED', Number.POSITIVE_INFINITY],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'TLS_FAILED', 0],
    ['EMFILE', 'CONNECTION_FAILED', 0],
    ['HPE_INVALID_CONSTANT', 'PROTOCOL_ERROR', 1],
    ['HPE_INVALID_CONTENT_LENGTH', 'PROTOCOL_ERROR', 0],
    ['UND_ERR_HEADERS_OVERFLOW', 'PROTOCOL_ERROR', 0],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'TLS_FAILED', 0],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TLS_FAILED', 0],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'TLS_FAILED', 0],
    ['CERT_HAS_EXPIRED', 'TLS_FAILED', 0],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'TLS_FAILED', 0],
  ])('%s is %s, worth %s more attempts', (networkCode, code, worth) => {
    const cause = coded(networkCode, 'what the system said')
    const error = networkError(cause, PLACE)
    expect(error).toMatchObject({ code, cause })
    expect(attemptsWorth(error)).toBe(worth)
    expect(describeError(error)).toContain('cachew.example:8443')
    expect(describeError(error)).toContain('what the system said')
    expect(describeError(error)).not.toMatch(/s3cret|pa55word/)
  })

  it.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'set NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'set NODE_EXTRA_CA_CERTS'],
    ['CERT_HAS_EXPIRED', 'clock is wrong'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'for another name'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'does not speak TLS at this port, so perhaps it is an http:// address'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'check that the server speaks TLS at this port'],
    ['ECONNREFUSED', 'failed; check server (or url), and that the server runs'],
    ['ENOTFOUND', "check the name cachew.example and the runner's network"],
  ])('%s says what helps', (code, hint) => {
    expect(networkError(coded(code), PLACE)).toMatchObject({ message: expect.stringContaining(hint) })
  })

  const PLAIN = new URL('http://cachew.example/x')

  it.each(['UND_ERR_SOCKET', 'ECONNRESET', 'HPE_INVALID_CONSTANT'])(
    '%s in place of an answer may mean that http:// is not what the server speaks',
    (code) => {
      const words = '; perhaps this server wants https: other side closed'
      const wordsOf = (...asked: [URL, { isAnswered: boolean }?]): string =>
        describeError(networkError(coded(code, 'other side closed'), ...asked))
      expect(wordsOf(PLAIN)).toContain(words)
      expect(wordsOf(PLAIN, { isAnswered: true })).not.toContain(words)
      expect(wordsOf(PLACE)).not.toContain(words)
    },
  )

  it('of a certificate for another name is no better through a proxy', () => {
    const error = coded(
      'UND_ERR_PRX_TLS',
      'Secure Proxy Connection failed',
      coded('ERR_TLS_CERT_ALTNAME_INVALID'),
    )
    expect(networkError(error, PLACE)).toMatchObject({ code: 'TLS_FAILED' })
    expect(attemptsWorth(networkError(error, PLACE))).toBe(0)
  })

  it('of a refused tunnel is the proxy, repeated where the status may pass', () => {
    const answer = (status: number) =>
      networkError(coded('UND_ERR_ABORTED', `Proxy response (${status}) !== 200 when HTTP Tunneling`), PLACE)
    expect(answer(502)).toMatchObject({ code: 'PROXY_FAILED', message: expect.stringContaining('502') })
    expect(attemptsWorth(answer(502))).toBe(Number.POSITIVE_INFINITY)
    expect(answer(407)).toMatchObject({ code: 'PROXY_FAILED', message: expect.stringContaining('407') })
    expect(attemptsWorth(answer(407))).toBe(0)
  })

  it('that is a decision already stays what it is', () => {
    const error = new ActionError('CANCELLED', 'cancelled')
    expect(networkError(error, PLACE)).toBe(error)
  })
})

describe('a status of no use', () => {
  function failed(status: number, retryAfter?: string): ActionError {
    const header = (name: string): string | undefined => (name === 'retry-after' ? retryAfter : undefined)
    return statusError({ url: PLACE, status, header }, 0)
  }

  it.each([
    [401, 'ACCESS_DENIED', 'authorization (or CACHEW_AUTHORIZATION)'],
    [403, 'ACCESS_DENIED', 'authorization (or CACHEW_AUTHORIZATION)'],
    [404, 'NOT_FOUND', 'server, repository and github-server-url, or url'],
    [410, 'NOT_FOUND', 'server, repository and github-server-url, or url'],
    [407, 'PROXY_FAILED', 'proxy'],
    [204, 'PROTOCOL_ERROR', 'no snapshot'],
    [300, 'PROTOCOL_ERROR', 'no snapshot'],
    [304, 'PROTOCOL_ERROR', 'no snapshot'],
    [400, 'PROTOCOL_ERROR', 'no snapshot'],
    [501, 'SERVER_ERROR', 'no snapshot'],
    [505, 'SERVER_ERROR', 'no snapshot'],
  ])('%i is %s, not repeated, and says what to do', (status, code, hint) => {
    const error = failed(status)
    expect(error.code).toBe(code)
    expect(error.message).toContain(`${placeOf(PLACE)} answered ${status}`)
    expect(error.message).toContain(hint)
    expect(attemptsWorth(error)).toBe(0)
    expect(error.message).not.toContain('s3cret')
  })

  it.each([400, 426])('%i to http:// asks whether the server wants https', (status) => {
    const answer = (url: string) =>
      statusError({ url: new URL(url), status, header: () => undefined }, 0).message
    expect(answer('http://cachew.example/x')).toBe(
      `http://cachew.example/x answered ${status}, which is no snapshot; perhaps this server wants https`,
    )
    expect(answer('https://cachew.example/x')).not.toContain('wants https')
  })

  it.each([
    [429, 'RATE_LIMITED'],
    [408, 'SERVER_ERROR'],
    [503, 'SERVER_ERROR'],
  ])('%i is %s, repeated', (status, code) => {
    const error = failed(status)
    expect(error).toBeInstanceOf(TransientError)
    expect(error.code).toBe(code)
  })

  it('says how long the server asks to wait', () => {
    const error = failed(429, '90')
    expect(error).toMatchObject({ retryAfterMs: 90_000 })
    expect(error.message).toContain('asks to wait 90 s')
  })
})
