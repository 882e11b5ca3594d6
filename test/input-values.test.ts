import { describe, expect, it } from 'vitest'
import { duration, flag, inherited, orElse, trimmed } from '../src/input-values.ts'

function given(value: string) {
  return { label: 'Input x', value }
}

describe('blanks around a value', () => {
  it('go, but only those of ASCII: a name with another one is another name', () => {
    expect(trimmed(' \t\r\n a b \n')).toBe('a b')
    for (const odd of ['\u00a0a', 'a\ufeff', '\u2003a', 'a\u2028', '\va', 'a\f'])
      expect(trimmed(odd)).toBe(odd)
  })
})

describe('a switch', () => {
  it.each(['true', 'True', 'TRUE', 'tRuE'])('%s is on', (value) => {
    expect(flag(given(value))).toBe(true)
  })

  it.each(['false', 'False', 'FALSE', ''])('%j is off', (value) => {
    expect(flag(given(value))).toBe(false)
  })

  it.each(['yes', 'no', 'on', 'off', '1', '0', 'null', 'truе', 'true false'])('refuses %s', (value) => {
    expect(() => flag(given(value))).toThrow(`Input x is "${value}": true or false is allowed`)
  })
})

describe('an empty setting', () => {
  it('is what the environment has, and is called so', () => {
    expect(inherited(given(''), { X: ' y\n' }, 'X')).toEqual({ label: 'Environment variable X', value: 'y' })
    expect(inherited(given(''), { X: ' ' }, 'X')).toEqual(given(''))
    expect(inherited(given('own'), { X: 'y' }, 'X')).toEqual(given('own'))
  })

  it('is something else where there is something else', () => {
    expect(orElse(given(''), 'true')).toEqual(given('true'))
    expect(orElse(given('false'), 'true')).toEqual(given('false'))
  })
})

describe('a duration', () => {
  it.each([
    ['0', 0],
    ['0h', 0],
    ['1m', 60_000],
    ['90m', 5_400_000],
    ['6h', 21_600_000],
    ['30d', 2_592_000_000],
  ])('%s has so many milliseconds', (value, ms) => {
    expect(duration(given(value))).toBe(ms)
  })

  it.each(['', '6', '6 h', '-1h', '1.5h', '06h', '6H', '6s', 'h', '1h30m', '1234567d', 'Infinity', '6h\n'])(
    'is not %j',
    (value) => {
      expect(() => duration(given(value))).toThrow('0, or a whole number with the unit m, h or d, is allowed')
    },
  )
})
