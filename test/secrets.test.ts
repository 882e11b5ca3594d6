import { describe, expect, it } from 'vitest'
import { secretsOf } from '../src/secrets.ts'

const none = { authorization: undefined, headers: [], url: undefined, token: undefined, ssh: undefined }

describe('secrets', () => {
  it('are an authorization whole and without its scheme', () => {
    const secrets = secretsOf({ ...none, authorization: 'Bearer abcdef123' }, {})
    expect(secrets).toEqual(['Bearer abcdef123', 'abcdef123'])
  })

  it('are the values of headers', () => {
    expect(
      secretsOf(
        {
          ...none,
          headers: [
            ['X-Key', 'k3ep-it'],
            ['X-On', 'true'],
          ],
        },
        {},
      ),
    ).toEqual(['k3ep-it'])
  })

  it('are what a signed URL has in its query', () => {
    const url = new URL('https://cache.example/a?sig=abc%2Fdef%3D&se=1&policy=0123456')
    expect(secretsOf({ ...none, url }, {})).toEqual(['abc/def=', '0123456'])
  })

  it('are the token, and the form of it that git sends', () => {
    expect(secretsOf({ ...none, token: 'ghs_0123' }, {})).toEqual([
      'ghs_0123',
      Buffer.from('x-access-token:ghs_0123').toString('base64'),
    ])
  })

  it('are the lines of an SSH key, but not those that every key has, nor what is not a key', () => {
    const key = ['-----BEGIN PRIVATE KEY-----', 'c2VjcmV0', 'bGluZTI=\r', 'ab=', '-----END PRIVATE KEY-----']
    const ssh = { key: key.join('\n'), knownHosts: 'host.example key', isStrict: true, user: 'someone' }
    expect(secretsOf({ ...none, ssh }, {})).toEqual(['c2VjcmV0', 'bGluZTI='])
  })

  it.each(['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'])('are the password in %s', (name) => {
    expect(secretsOf(none, { [name]: 'http://user:p%40ssword@proxy.example:3128' })).toEqual([
      'p%40ssword',
      'p@ssword',
    ])
  })

  it('are the password of a proxy without a scheme, and one that is badly written', () => {
    expect(secretsOf(none, { http_proxy: 'user:pa55word@proxy.example:3128' })).toEqual(['pa55word'])
    expect(secretsOf(none, { http_proxy: 'http://user:100%sure@proxy.example' })).toEqual(['100%sure'])
  })

  it('are not what is too short or not there', () => {
    const env = {
      http_proxy: 'http://proxy.example:3128',
      https_proxy: 'not an address',
      HTTP_PROXY: undefined,
    }
    expect(secretsOf({ ...none, authorization: 'Token a' }, env)).toEqual(['Token a'])
  })
})
