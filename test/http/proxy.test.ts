import { describe, expect, it } from 'vitest'
import { proxyFor } from '../../src/http/proxy.ts'

const PROXY = 'http://proxy.example:3128'
const OTHER = 'http://other.example:3128'

function chosen(target: string, env: Record<string, string>): string | undefined {
  return proxyFor(new URL(target), env)?.href
}

function isBypassed(target: string, noProxy: string): boolean {
  return chosen(target, { http_proxy: PROXY, https_proxy: PROXY, no_proxy: noProxy }) === undefined
}

describe('the proxy of a target', () => {
  it.each([
    ['http with HTTP_PROXY', 'http://a.example/', { HTTP_PROXY: PROXY }, `${PROXY}/`],
    ['http with http_proxy', 'http://a.example/', { http_proxy: PROXY }, `${PROXY}/`],
    ['https with HTTPS_PROXY', 'https://a.example/', { HTTPS_PROXY: PROXY }, `${PROXY}/`],
    ['https with https_proxy', 'https://a.example/', { https_proxy: PROXY }, `${PROXY}/`],
    ['no variable at all', 'https://a.example/', {}, undefined],
    ['https with only HTTP_PROXY', 'https://a.example/', { HTTP_PROXY: PROXY, http_proxy: PROXY }, undefined],
    ['http with only HTTPS_PROXY', 'http://a.example/', { HTTPS_PROXY: PROXY }, undefined],
    ['all_proxy alone', 'https://a.example/', { all_proxy: PROXY, ALL_PROXY: PROXY }, undefined],
    ['lower case first', 'http://a.example/', { http_proxy: PROXY, HTTP_PROXY: OTHER }, `${PROXY}/`],
    ['empty lower case', 'http://a.example/', { http_proxy: '', HTTP_PROXY: OTHER }, `${OTHER}/`],
    ['blanks around it', 'http://a.example/', { http_proxy: ` ${PROXY}\n` }, `${PROXY}/`],
    ['no scheme', 'http://a.example/', { http_proxy: 'proxy.example:3128' }, `${PROXY}/`],
    [
      'credentials',
      'http://a.example/',
      { http_proxy: 'u:p@proxy.example:1' },
      'http://u:p@proxy.example:1/',
    ],
    ['an https proxy', 'http://a.example/', { http_proxy: 'https://p.example' }, 'https://p.example/'],
  ])('is right for %s', (_, target, env, expected) => {
    expect(chosen(target, env)).toBe(expected)
  })

  it.each([
    'http://localhost/',
    'http://LOCALHOST:8080/',
    'http://localhost./',
    'https://localhost/',
    'http://127.0.0.1:1234/',
    'http://127.1.2.3/',
    'http://[::1]:80/',
    'http://[0:0:0:0:0:0:0:1]/',
  ])('is never used for the loopback target %s', (target) => {
    expect(chosen(target, { http_proxy: PROXY, https_proxy: PROXY })).toBeUndefined()
  })

  it.each(['http://127.example/', 'http://localhost.example/', 'http://mylocalhost/'])(
    'is used for %s, which only looks like loopback',
    (target) => {
      expect(chosen(target, { http_proxy: PROXY })).toBe(`${PROXY}/`)
    },
  )
})

describe('no_proxy', () => {
  it.each([
    ['http://a.example/', 'a.example', true],
    ['http://A.Example/', 'a.eXAMPLE', true],
    ['http://b.a.example/', 'a.example', true],
    ['http://ba.example/', 'a.example', false],
    ['http://a.example/', 'b.a.example', false],
    ['http://b.a.example/', '.a.example', true],
    ['http://a.example/', '.a.example', true],
    ['http://ba.example/', '.a.example', false],
    ['http://a.example./', 'a.example', true],
    ['http://a.example/', 'a.example.', true],
    ['http://a.example/', '*', true],
    ['http://a.example/', 'other, *', true],
    ['http://a.example/', '*.example', false],
    ['http://a.example:8080/', 'a.example:8080', true],
    ['http://b.a.example:8080/', '.a.example:8080', true],
    ['http://a.example:8081/', 'a.example:8080', false],
    ['http://a.example/', 'a.example:80', true],
    ['https://a.example/', 'a.example:443', true],
    ['https://a.example/', 'a.example:80', false],
    ['http://a.example/', 'x.example, a.example ,', true],
    ['http://a.example/', 'x.example a.example', true],
    ['http://a.example/', ',,', false],
    ['http://a.example/', '.', false],
    ['http://10.1.2.3/', '10.1.2.3', true],
    ['http://10.1.2.3/', '2.3', false],
    ['http://10.1.2.3:81/', '10.1.2.3:81', true],
    ['http://10.1.2.3:81/', '10.1.2.3:82', false],
    ['http://10.1.2.3/', '10.0.0.0/8', true],
    ['http://11.1.2.3/', '10.0.0.0/8', false],
    ['http://10.1.2.3/', '10.1.2.2/31', true],
    ['http://10.1.2.4/', '10.1.2.2/31', false],
    ['http://10.1.2.3/', '10.1.2.3/32', true],
    ['http://10.1.2.3/', '10.0.0.0/33', false],
    ['http://10.1.2.3/', '10.0.0.0/x', false],
    ['http://10.1.2.3/', '0.0.0.0/0', false],
    ['http://10.example/', '10.0.0.0/8', false],
    ['http://[2001:db8::1]/', '2001:db8::1', true],
    ['http://[2001:db8::1]/', '[2001:db8::1]', true],
    ['http://[2001:db8::1]:81/', '[2001:db8::1]:81', true],
    ['http://[2001:db8::1]:81/', '[2001:db8::1]:82', false],
    ['http://[2001:db8::1]/', '2001:db8::/32', true],
    ['http://[2001:db9::1]/', '2001:db8::/32', false],
    ['http://[2001:db8::1]/', '2001:db8::/129', false],
    ['http://10.1.2.3/', '2001:db8::/32', false],
    ['http://[2001:db8::1]/', '10.0.0.0/8', false],
  ])('for %s, "%s" means bypass: %s', (target, noProxy, expected) => {
    expect(isBypassed(target, noProxy)).toBe(expected)
  })

  it('is read in lower case first', () => {
    const env = { http_proxy: PROXY, no_proxy: 'b.example', NO_PROXY: 'a.example' }
    expect(chosen('http://a.example/', env)).toBe(`${PROXY}/`)
    expect(chosen('http://b.example/', env)).toBeUndefined()
    expect(chosen('http://a.example/', { http_proxy: PROXY, NO_PROXY: 'a.example' })).toBeUndefined()
  })
})

describe('a bad proxy variable', () => {
  it.each([
    ['http://user:secret@', '***@'],
    ['http://user:secret@host:99999999', 'http://***@host:99999999'],
    ['socks5://user:secret@host:1080', 'socks5://***@host:1080'],
    ['user:sec/ret@bad host', '***@bad host'],
  ])('%s is named without its credentials', (value, shown) => {
    const attempt = () => proxyFor(new URL('http://a.example/'), { HTTP_PROXY: value })
    expect(attempt).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
    expect(attempt).toThrow(`Environment variable HTTP_PROXY is "`)
    expect(attempt).toThrow(shown)
    expect(attempt).not.toThrow('sec')
  })

  it('does no harm where the target bypasses it', () => {
    expect(isBypassed('http://a.example/', 'a.example')).toBe(true)
    expect(chosen('http://localhost/', { HTTP_PROXY: 'socks5://x' })).toBeUndefined()
  })
})
