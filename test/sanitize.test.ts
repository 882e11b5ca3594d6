import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sanitize, withoutSecrets } from '../src/sanitize.ts'

describe('sanitize', () => {
  it('leaves ordinary text as it is', () => {
    expect(sanitize('https://cache.example:8080/git/o/r ü 日本 🎉')).toBe(
      'https://cache.example:8080/git/o/r ü 日本 🎉',
    )
  })

  it.each([
    ['a line break', 'a\nb', 'a b'],
    ['a bare carriage return', 'a\rb', 'a b'],
    ['a terminal colour', '\u001b[31mred', ' [31mred'],
    ['a C1 control', 'a\u0085b\u009bc', 'a b c'],
    ['delete and NUL', 'a\u007fb\0c', 'a b c'],
    ['Unicode line separators', 'a\u2028b\u2029c', 'a b c'],
    ['what turns the direction of writing', 'a\u202eb\u2066c\u200fd', 'a b c d'],
  ])('replaces %s by a space', (_, text, expected) => {
    expect(sanitize(text)).toBe(expected)
  })

  it.each([
    '::set-output name=x::y',
    'text\r::add-mask::x',
    ':::error::x',
    '##[add-path]/tmp',
    'text ###[group]x',
    '::::',
  ])('leaves no runner command in %j', (text) => {
    expect(sanitize(text)).not.toMatch(/::|##\[|[\r\n]/)
  })

  it('leaves nothing of the kind in any text, cuts it, and has nothing left to do the second time', () => {
    const piece = fc.constantFrom(
      ':',
      '#',
      '[',
      ' ',
      '\0',
      '\r',
      '\u001b',
      '\u2028',
      '\u202e',
      '\ud83c',
      '🎉',
      'x',
    )
    const texts = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 50 }), (text, limit) => {
        const harmless = sanitize(text, limit)
        expect(harmless).not.toMatch(/::|##\[|[\p{Cc}\u2028\u202e]/u)
        expect(harmless.isWellFormed()).toBe(true)
        expect(harmless.length).toBeLessThanOrEqual(limit)
        expect(sanitize(harmless, limit)).toBe(harmless)
      }),
      { numRuns: 2000 },
    )
  })

  it('cuts to the limit and shows that it did', () => {
    expect(sanitize('abcdef', 6)).toBe('abcdef')
    expect(sanitize('abcdefg', 6)).toBe('abcde…')
    expect(sanitize('x'.repeat(10_000))).toHaveLength(500)
    expect(sanitize(':'.repeat(10_000)).length).toBeLessThanOrEqual(500)
  })

  it('never cuts a character in two', () => {
    expect(sanitize('abc🎉🎉', 5)).toBe('abc…')
    expect(sanitize('\ud83c lone')).toBe('\ufffd lone')
  })
})

describe('an address in a message', () => {
  it.each([
    ['https://user:pass@host/a?sig=1#x', 'https://***@host/a'],
    ['https://host/a?sig=secret', 'https://host/a'],
    ['https://user:p/a?s#s@host', 'https://***@host'],
    ['user:pass@host', '***@host'],
    ['https://host/a', 'https://host/a'],
  ])('%s is shown as %s', (address, shown) => {
    expect(withoutSecrets(address)).toBe(shown)
  })
})
