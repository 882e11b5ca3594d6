import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeSpan, table } from '../../src/summary/markdown.ts'

describe('a code span', () => {
  it.each([
    ['plain', '`plain`'],
    ['a`b', '``a`b``'],
    ['`a`', '`` `a` ``'],
    ['a``b`c', '```a``b`c```'],
    [' a ', '`  a  `'],
    ['a\nb', '`a b`'],
    ['<b>*x*</b>', '`<b>*x*</b>`'],
  ])('of %j is %j', (text, span) => {
    expect(codeSpan(text)).toBe(span)
  })

  it('is one line, and ends where its text does', () => {
    const text = fc.string({
      unit: fc.constantFrom('`', ' ', '|', '\\', '\n', '\r', '\u2028', '<', 'x'),
      minLength: 1,
    })
    fc.assert(
      fc.property(text, (words) => {
        const span = codeSpan(words)
        const [fence = ''] = /^`+/.exec(span) ?? []
        const inner = span.slice(fence.length, -fence.length)
        const runs = [...inner.matchAll(/`+/g)].map(([run]) => run)
        return /^[^\n\r\u2028]*$/.test(span) && !runs.includes(fence) && !/^`|`$/.test(inner)
      }),
    )
  })
})

describe('a table', () => {
  it('has a row of heads and one for each of the others, a bar in a cell escaped', () => {
    expect(table(['a', 'b'], [['1', 'x|y']])).toBe('| a | b |\n| --- | --- |\n| 1 | x\\|y |')
  })
})
