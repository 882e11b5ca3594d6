import { describe, expect, it } from 'vitest'
import { ActionError, describeError } from '../src/errors.ts'

describe('describeError', () => {
  it('says an error and its causes in one line', () => {
    const root = new Error('connect ECONNREFUSED')
    const middle = new Error('fetch failed', { cause: root })
    const error = new ActionError('CONNECTION_FAILED', 'no connection to cache.example', { cause: middle })
    expect(describeError(error)).toBe('no connection to cache.example: fetch failed: connect ECONNREFUSED')
  })

  it('says nothing twice', () => {
    const cause = new Error('status 503')
    expect(describeError(new Error('gave up: status 503', { cause }))).toBe('gave up: status 503')
  })

  it('says all that a wordless aggregate holds', () => {
    const cause = new AggregateError([new Error('over IPv6'), new Error('over IPv4'), 'text'])
    expect(describeError(new Error('failed', { cause }))).toBe('failed: over IPv6, over IPv4, text')
    expect(describeError(new AggregateError([new Error('one')], 'both failed'))).toBe('both failed')
  })

  it.each([
    ['a text', 'a text'],
    [42, '42'],
    [null, 'null'],
    [undefined, ''],
    [new Error(''), ''],
  ])('takes whatever is thrown: %s', (thrown, words) => {
    expect(describeError(thrown)).toBe(words)
  })

  it('says of what OpenSSL says only the reason', () => {
    const place =
      'SSL routines:tls_validate_record_header:wrong version number:../deps/openssl/tlsany_meth.c:77:'
    const said = `400D022BDE7F0000:error:0A00010B:${place}\n`
    expect(describeError(new Error('no TLS', { cause: new Error(said) }))).toBe(
      'no TLS: wrong version number',
    )
    expect(describeError(new Error(`write EPROTO ${said}`))).toBe('write EPROTO wrong version number')
  })

  it('ends where causes go round in a circle', () => {
    const error = new Error('round')
    error.cause = new Error('and round', { cause: error })
    expect(describeError(error)).toBe('round: and round')
  })
})

it('an ActionError keeps its code and its cause', () => {
  const cause = new Error('why')
  const error = new ActionError('TIMEOUT', 'too long', { cause })
  expect(error).toMatchObject({ name: 'ActionError', code: 'TIMEOUT', message: 'too long', cause })
  expect(error).toBeInstanceOf(Error)
})
