import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { gitIn } from '../../src/git/git.ts'
import { isCommitName, isRefName } from '../../src/git/ref-name.ts'
import { gitContext } from './git-context.ts'

const names = [
  'main',
  'a/b/c',
  'v1.0',
  '@',
  'a@b',
  'a@{1}',
  'a@{',
  '.a',
  'a/.b',
  'a.',
  'a./b',
  'a..b',
  'a.lock',
  'a.lock/b',
  'a.locks',
  '/a',
  'a/',
  'a//b',
  'a b',
  'a\tb',
  'a\nb',
  'a\u007fb',
  'a~b',
  'a^b',
  'a:b',
  'a?b',
  'a*b',
  'a[b',
  'a]b',
  'a\\b',
  'a{b}',
  'ä/ß',
  '\u0085',
  '\ufeffmain',
  'main\u00a0',
  'refs/heads/main',
  'refs/tags/-v1',
  'refs/heads/@',
  'refs/heads/',
  "a'b",
  'a"b',
  'a$b',
  'a;b',
]

describe('the name of a ref', () => {
  it.each(names)('%j is taken exactly where git takes it', async (name) => {
    const git = gitIn(tmpdir(), gitContext)
    expect(isRefName(name)).toBe(await git.succeeds(['check-ref-format', '--allow-onelevel', name]))
  })

  it.each(['', '-b', '--upload-pack=x', 'refs/heads/-b', 'a\0b', '\ud800'])('%j is refused', (name) => {
    expect(isRefName(name)).toBe(false)
  })
})

describe('the name of a commit', () => {
  it.each(['a'.repeat(40), 'A'.repeat(40), '0'.repeat(64)])('%s is whole', (name) => {
    expect(isCommitName(name)).toBe(true)
  })

  it.each([
    '',
    'a'.repeat(39),
    'a'.repeat(41),
    'g'.repeat(40),
    `${'a'.repeat(40)}\n`,
    `\ufeff${'a'.repeat(40)}`,
  ])('%j is not one', (name) => {
    expect(isCommitName(name)).toBe(false)
  })
})
