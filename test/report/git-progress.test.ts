import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { thinned } from '../../src/report/git-progress.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

it('hands on what git says, and at most every 5 s how far it is', () => {
  const lines: string[] = []
  const say = thinned((line) => lines.push(line))
  say('remote: Enumerating objects: 48, done.')
  for (let percent = 1; percent <= 100; percent += 1) {
    say(`remote: Counting objects:  ${percent}% (${percent}/100)`)
    say(`Receiving objects:  ${percent}% (${percent}/100), 12.53 MiB | 8.35 MiB/s`)
    vi.advanceTimersByTime(100)
  }
  say('Receiving objects: 100% (100/100), 20.00 MiB | 8.35 MiB/s, done.')
  say(' * [new ref]         0123456 -> origin/main')
  expect(lines).toEqual([
    'remote: Enumerating objects: 48, done.',
    'remote: Counting objects:  51% (51/100)',
    'Receiving objects: 100% (100/100), 20.00 MiB | 8.35 MiB/s, done.',
    ' * [new ref]         0123456 -> origin/main',
  ])
})
