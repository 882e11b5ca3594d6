import { describe, expect, it } from 'vitest'
import { type JobEvent, targetOf } from '../../src/git/wanted.ts'
import { branchesNear } from '../../src/source/cached-branches.ts'

const COMMIT = '1'.repeat(40)
const PUSH = { repository: { default_branch: 'main' } }
const PULL = { ...PUSH, pull_request: { base: { ref: 'release/2' } } }

function near(ref: string, payload: JobEvent['payload'], repository = 'octo/project'): readonly string[] {
  const event = { name: 'push', ref: '', sha: '', repository: 'octo/project', payload }
  return branchesNear(targetOf(ref, COMMIT), event, repository)
}

describe('the branches whose cached snapshots are near', () => {
  it.each<[string, string, JobEvent['payload'], readonly string[]]>([
    ['the default branch', 'refs/heads/main', PUSH, ['main']],
    ['another branch', 'refs/heads/topic/1', PUSH, ['topic/1', 'main']],
    ['a branch that a pull request is for', 'refs/heads/topic', PULL, ['topic', 'main']],
    ['a pull request', 'refs/pull/7/merge', PULL, ['release/2', 'main']],
    [
      'a pull request for the default branch',
      'refs/pull/7/merge',
      { ...PUSH, pull_request: base('main') },
      ['main'],
    ],
    ['a pull request of which nothing is known', 'refs/pull/7/merge', PUSH, ['main']],
    ['a tag', 'refs/tags/v1', PUSH, ['main']],
    ['a tag, where a pull request is what the job is about', 'refs/tags/v1', PULL, ['main']],
    ['a commit', '', PUSH, ['main']],
    ['a branch, where the payload is empty', 'refs/heads/topic', {}, ['topic']],
    ['a commit, where the payload is empty', '', {}, []],
  ])('%s', async (_, ref, payload, branches) => {
    expect(near(ref, payload)).toEqual(branches)
  })

  it.each<[string, JobEvent['payload']]>([
    ['numbers', { repository: { default_branch: 1 }, pull_request: base(2) }],
    ['null', { repository: null, pull_request: null }],
    ['null further in', { repository: { default_branch: null }, pull_request: { base: null } }],
    ['texts', { repository: 'main', pull_request: 'main' }],
    ['empty', { repository: { default_branch: '' }, pull_request: base('') }],
  ])('are none that the payload does not name, where it has %s', (_, payload) => {
    expect(near('refs/pull/7/merge', payload)).toEqual([])
  })

  it('of another repository are not those that the payload names', () => {
    expect(near('refs/heads/topic', PULL, 'octo/else')).toEqual(['topic'])
    expect(near('refs/pull/7/merge', PULL, 'octo/else')).toEqual([])
  })

  it('are the same however the repository is written', () => {
    expect(near('refs/pull/7/merge', PULL, 'Octo/Project')).toEqual(['release/2', 'main'])
  })
})

function base(ref: unknown): { readonly base: { readonly ref: unknown } } {
  return { base: { ref } }
}
