import { expect, it } from 'vitest'
import { scopeNotice } from '../../src/save/scope.ts'

const payload = { repository: { default_branch: 'main' } }

it.each(['refs/heads/topic', 'refs/tags/v1', 'refs/pull/7/merge'])(
  'what a job for %s saves is told to be for no other branch',
  (ref) => {
    expect(scopeNotice({ ref, payload }, { outcome: 'saved' })).toBe(
      `No other branch can restore this snapshot, as it was saved by a job for ${ref}: ` +
        'what all branches are to restore has to be saved by a job for the default branch, main',
    )
  },
)

it.each([
  ['by the default branch', { ref: 'refs/heads/main', payload }, 'saved'],
  ['where the event does not tell the default branch', { ref: 'refs/heads/topic', payload: {} }, 'saved'],
  ['where nothing was saved', { ref: 'refs/heads/topic', payload }, 'young'],
] as const)('nothing is said %s', (_, event, outcome) => {
  expect(scopeNotice(event, { outcome })).toBeUndefined()
})
