import { describe, expect, it } from 'vitest'
import { isRedirect, redirectTarget, repeatTarget } from '../../src/http/redirect.ts'
import type { ReplyHead } from '../../src/http/reply-head.ts'

function target(from: string, location: string | undefined, hops = 0): string {
  return redirectTarget(reply(from, 302, location), hops).href
}

function reply(from: string, status: number, location?: string): ReplyHead {
  const header = (name: string): string | undefined => (name === 'location' ? location : undefined)
  return { url: new URL(from), status, header }
}

const FROM = 'https://a.example/dir/snapshot?signature=s3cret'

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('is what status %i is', (status) => {
    expect(isRedirect(reply(FROM, status))).toBe(true)
  })

  it.each([200, 206, 300, 304, 305, 306, 404])('is not what status %i is', (status) => {
    expect(isRedirect(reply(FROM, status))).toBe(false)
  })

  it.each([
    ['/other', 'https://a.example/other'],
    ['other?x=1', 'https://a.example/dir/other?x=1'],
    ['//b.example/x', 'https://b.example/x'],
    ['https://a.example:444/x#part', 'https://a.example:444/x'],
  ])('to %s goes to %s', (location, expected) => {
    expect(target(FROM, location)).toBe(expected)
  })

  it('may lead to https and from http to http', () => {
    expect(target('http://a.example/', 'https://b.example/')).toBe('https://b.example/')
    expect(target('http://a.example/', 'http://b.example/')).toBe('http://b.example/')
  })

  it.each<[string, string | undefined, number, string]>([
    ['without a Location', undefined, 0, 'without a valid Location'],
    ['to no URL', 'http://[', 0, 'without a valid Location'],
    ['from https to http', 'http://a.example/', 0, 'from https to http'],
    ['to a file', 'file:///etc/passwd', 0, 'to file:'],
    ['to data', 'data:text/plain,hello', 0, 'to data:'],
    ['to ftp', 'ftp://a.example/', 0, 'to ftp:'],
    ['with a user', 'https://user:pa55word@b.example/', 0, 'user name'],
    ['for the sixth time', 'https://b.example/', 5, 'more than 5 times'],
  ])('%s is refused, in words that tell no secret', (_, location, hops, why) => {
    const refused = (): unknown => target(FROM, location, hops)
    expect(refused).toThrow(expect.objectContaining({ code: 'BAD_REDIRECT' }))
    expect(refused).toThrow(why)
    expect(refused).toThrow('https://a.example/dir/snapshot ')
    expect(refused).not.toThrow(/s3cret|pa55word/)
  })

  it('is followed for the fifth time', () => {
    expect(target(FROM, 'https://b.example/', 4)).toBe('https://b.example/')
  })
})

describe('a redirect of a request with a body', () => {
  const repeat = (status: number, location: string, hops = 0): string =>
    repeatTarget(reply(FROM, status, location), hops).href

  it.each([307, 308])('by %i is followed within the origin', (status) => {
    expect(repeat(status, '/other?x=1')).toBe('https://a.example/other?x=1')
  })

  it.each([301, 302, 303])('by %i is refused, since it would no longer be the same request', (status) => {
    const refused = (): unknown => repeat(status, '/other')
    expect(refused).toThrow(expect.objectContaining({ code: 'BAD_REDIRECT' }))
    expect(refused).toThrow(`a request with a body by ${status}`)
  })

  it.each([
    ['to another host', 'https://b.example/other', 0, 'to https://b.example'],
    ['to another port', 'https://a.example:444/other', 0, 'to https://a.example:444'],
    ['to http', 'http://a.example/other', 0, 'from https to http'],
    ['for the sixth time', '/other', 5, 'more than 5 times'],
  ])('%s is refused, in words that tell no secret', (_, location, hops, why) => {
    const refused = (): unknown => repeat(307, location, hops)
    expect(refused).toThrow(expect.objectContaining({ code: 'BAD_REDIRECT' }))
    expect(refused).toThrow(why)
    expect(refused).not.toThrow(/s3cret/)
  })
})
