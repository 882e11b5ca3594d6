import { describe, expect, it } from 'vitest'
import { ActionError } from '../../src/errors.ts'
import { type JobEvent, type WantedInputs, wantedOf } from '../../src/git/wanted.ts'

const baseSha = 'b'.repeat(40)
const headSha = 'a'.repeat(40)
const mergeSha = 'c'.repeat(40)
const otherSha = 'd'.repeat(40)

const own = { owner: 'octo', name: 'project' }
const fork = { owner: 'Mallory', name: 'Project' }
const ownRepository = { id: 1, full_name: 'octo/project' }
const forkRepository = { id: 2, full_name: 'mallory/project' }

const eventOf = (name: string, payload: object): JobEvent => ({
  name,
  ref: 'refs/heads/main',
  sha: baseSha,
  repository: 'octo/project',
  payload: { repository: ownRepository, ...payload },
})

const pullRequest = (name: string, repo: object | null = forkRepository): JobEvent =>
  eventOf(name, { pull_request: { head: { repo, sha: headSha }, merge_commit_sha: mergeSha } })

const workflowRun = (startedBy: string, repo: object = forkRepository): JobEvent =>
  eventOf('workflow_run', {
    workflow_run: {
      event: startedBy,
      head_repository: repo,
      head_commit: { id: headSha },
      head_sha: startedBy === 'pull_request_target' ? baseSha : mergeSha,
    },
  })

const target = pullRequest('pull_request_target')

type Changes = Partial<WantedInputs>

const ask = (changes: Changes, event: JobEvent) =>
  wantedOf({ repository: own, ref: '', allowUnsafePrCheckout: false, ...changes }, event)

describe('the code of a fork is refused where a job has secrets', () => {
  it.each<[string, Changes, JobEvent]>([
    ['the fork itself', { repository: fork }, target],
    ['a branch of the fork', { repository: fork, ref: 'main' }, target],
    ['the head of the pull request by its commit', { ref: headSha }, target],
    ['the head by its commit in capitals', { ref: headSha.toUpperCase() }, target],
    ['the merge commit', { ref: mergeSha }, target],
    ['the head by its ref', { ref: 'refs/pull/3/head' }, target],
    ['the merge by its ref', { ref: 'refs/pull/3/merge' }, target],
    [
      'the commit through another repository',
      { repository: { owner: 'octo', name: 'copy' }, ref: headSha },
      target,
    ],
    ['the fork, after its workflow', { repository: fork }, workflowRun('pull_request')],
    ['its commit, after its workflow', { ref: headSha }, workflowRun('pull_request')],
    ['the commit that the workflow ran on', { ref: mergeSha }, workflowRun('pull_request')],
    ['its commit, after a review', { ref: headSha }, workflowRun('pull_request_review')],
    ['its commit, after a trusted workflow', { ref: headSha }, workflowRun('pull_request_target')],
    ['the merge by its ref, after its workflow', { ref: 'refs/pull/3/merge' }, workflowRun('pull_request')],
  ])('%s', (_title, changes, event) => {
    expect(() => ask(changes, event)).toThrow(expect.objectContaining({ code: 'UNSAFE_CHECKOUT' }))
    expect(() => ask({ ...changes, allowUnsafePrCheckout: true }, event)).not.toThrow()
  })

  it('says why, and what to do', () => {
    expect(() => ask({ ref: 'refs/pull/3/head' }, target)).toThrow(
      new ActionError(
        'UNSAFE_CHECKOUT',
        "Refusing to check out the code of a fork's pull request in a pull_request_target workflow: ref " +
          "refs/pull/3/head is a pull request's. Such a job has this repository's token, secrets, caches and " +
          'runner, and whoever opened the pull request wrote that code. Use the pull_request event for it, or ' +
          'leave out the inputs repository and ref; where the code is never run, and you know the risk ' +
          '(https://gh.io/securely-using-pull_request_target), set allow-unsafe-pr-checkout: true',
      ),
    )
  })
})

describe('everything else is let through', () => {
  const sameRepository = pullRequest('pull_request_target', ownRepository)

  it.each<[string, Changes, JobEvent]>([
    ['what the event is about', {}, target],
    ['what the event is about, even if it is the commit of the fork', {}, { ...target, sha: headSha }],
    ['a branch of this repository', { ref: 'main' }, target],
    ['a commit of this repository', { ref: otherSha }, target],
    ['a third repository', { repository: { owner: 'octo', name: 'tools' } }, target],
    ['a ref that only looks like a pull request', { ref: 'refs/heads/refs/pull/3/head' }, target],
    ['the commit of a pull request from this repository', { ref: headSha }, sameRepository],
    ['the ref of a pull request from this repository', { ref: 'refs/pull/3/merge' }, sameRepository],
    ['a job without secrets', { ref: headSha }, pullRequest('pull_request')],
    ['a job that someone with write access started', { ref: headSha }, pullRequest('issue_comment')],
    ['a fork that is gone', { ref: headSha }, pullRequest('pull_request_target', null)],
    ['what follows a push', { ref: headSha }, workflowRun('push')],
    [
      'what follows a pull request of this repository',
      { ref: headSha },
      workflowRun('pull_request', ownRepository),
    ],
    ['the base of a trusted workflow', { ref: baseSha }, workflowRun('pull_request_target')],
    ['an event without a payload', { ref: headSha }, { ...target, payload: {} }],
    [
      'a payload of another shape',
      { ref: headSha },
      eventOf('pull_request_target', { pull_request: 'text' }),
    ],
  ])('%s', (_title, changes, event) => {
    expect(() => ask(changes, event)).not.toThrow()
  })
})
