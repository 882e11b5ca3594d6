import { describe, expect, it } from 'vitest'
import {
  isQualified,
  type JobEvent,
  refspecsFor,
  startPointOf,
  type Target,
  targetOf,
  trackingRefOf,
  type WantedInputs,
  wantedOf,
} from '../../src/git/wanted.ts'

const sha = '1234567890abcdef1234567890abcdef12345678'
const sha256 = '1234567890abcdef'.repeat(4)
const own = { owner: 'octo', name: 'project' }
const other = { owner: 'octo', name: 'library' }

const inputs = (changes: Partial<WantedInputs> = {}): WantedInputs => ({
  repository: own,
  ref: '',
  allowUnsafePrCheckout: false,
  ...changes,
})

const event = (name: string, ref: string, payload: JobEvent['payload'] = {}): JobEvent => ({
  name,
  ref,
  sha,
  repository: 'octo/project',
  payload,
})

const push = event('push', 'refs/heads/main')

describe('without inputs the event says what is wanted', () => {
  it.each([
    ['a push', 'push', 'refs/heads/feature/one', 'refs/heads/feature/one'],
    ['a push of a tag', 'push', 'refs/tags/v1.0', 'refs/tags/v1.0'],
    [
      'a pull request, whose merge commit is built',
      'pull_request',
      'refs/pull/12/merge',
      'refs/pull/12/merge',
    ],
    ['a pull request that runs on its base', 'pull_request_target', 'refs/heads/main', 'refs/heads/main'],
    ['a merged pull request, which names its base in short', 'pull_request', 'main', 'refs/heads/main'],
    ['a merged pull request into a branch with slashes', 'pull_request', 'release/1', 'refs/heads/release/1'],
    ['a workflow that follows another', 'workflow_run', 'refs/heads/main', 'refs/heads/main'],
    ['a release', 'release', 'refs/tags/v2.0', 'refs/tags/v2.0'],
    ['a schedule', 'schedule', 'refs/heads/main', 'refs/heads/main'],
    [
      'a merge queue',
      'merge_group',
      'refs/heads/gh-readonly-queue/main/pr-1-0',
      'refs/heads/gh-readonly-queue/main/pr-1-0',
    ],
    ['a ref of another kind', 'dynamic', 'refs/gh/queue/main/pr-1', 'refs/gh/queue/main/pr-1'],
    ['an event without a ref', 'repository_dispatch', '', ''],
  ])('%s', (_title, name, ref, wanted) => {
    expect(wantedOf(inputs(), event(name, ref))).toEqual({ ref: wanted, commit: sha })
  })

  it('takes the commit of a SHA-256 repository', () => {
    expect(wantedOf(inputs(), { ...push, sha: sha256 }).commit).toBe(sha256)
  })

  it('knows its own repository whatever the case of its letters', () => {
    expect(wantedOf(inputs({ repository: { owner: 'Octo', name: 'PROJECT' } }), push)).toEqual({
      ref: 'refs/heads/main',
      commit: sha,
    })
  })

  it('leaves a ref as it is where the event has no commit, for the origin to tell', () => {
    expect(wantedOf(inputs(), { ...push, ref: 'main', sha: '' })).toEqual({ ref: 'main', commit: undefined })
  })

  it('wants the default branch where the runner says nothing', () => {
    expect(wantedOf(inputs(), { ...push, ref: '', sha: '' })).toEqual({ ref: '', commit: undefined })
  })

  it.each(['main', 'abc123', `-${sha.slice(1)}`, `${sha}\n`])(
    'refuses %j as the commit of an event',
    (bad) => {
      expect(() => wantedOf(inputs(), { ...push, sha: bad })).toThrow(/Environment variable GITHUB_SHA is/)
    },
  )

  it('refuses an event whose ref no git has', () => {
    expect(() => wantedOf(inputs(), { ...push, ref: 'refs/heads/-f' })).toThrow(
      /Environment variable GITHUB_REF is/,
    )
  })
})

describe('the inputs say what is wanted', () => {
  it.each([
    ['another repository: its default branch', { repository: other }, '', undefined],
    ['a full branch', { ref: 'refs/heads/dev' }, 'refs/heads/dev', undefined],
    ['a full tag', { ref: 'refs/tags/v1' }, 'refs/tags/v1', undefined],
    ['a pull request of this repository', { ref: 'refs/pull/3/head' }, 'refs/pull/3/head', undefined],
    ['a name that may be a branch or a tag', { ref: 'v1' }, 'v1', undefined],
    ['a name of another repository', { repository: other, ref: 'dev/1' }, 'dev/1', undefined],
    ['a commit', { ref: sha }, '', sha],
    ['a commit of another repository', { repository: other, ref: sha }, '', sha],
    ['a commit in capitals', { ref: sha.toUpperCase() }, '', sha],
    ['a commit of a SHA-256 repository', { ref: sha256 }, '', sha256],
    ['a name that is nearly a commit', { ref: sha.slice(1) }, sha.slice(1), undefined],
    ['a name of hex digits, too long for a commit', { ref: `${sha}0` }, `${sha}0`, undefined],
    [
      'a commit behind a byte order mark is only a strange name',
      { ref: `\ufeff${sha}` },
      `\ufeff${sha}`,
      undefined,
    ],
    ['a commit behind a no-break space as well', { ref: `${sha}\u00a0` }, `${sha}\u00a0`, undefined],
  ])('%s', (_title, changes, ref, commit) => {
    expect(wantedOf(inputs(changes), push)).toEqual({ ref, commit })
  })

  it('tells the name, the value and what is allowed where a ref is refused', () => {
    expect(() => wantedOf(inputs({ ref: '--upload-pack=x' }), push)).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        message:
          'Input ref is "--upload-pack=x": a branch, a tag, a full ref such as refs/heads/main, or a commit of ' +
          '40 or 64 hex digits is allowed',
      }),
    )
  })
})

describe('a target', () => {
  const targets: readonly [string, Target['kind'], string | undefined, string][] = [
    ['refs/heads/a/b', 'branch', 'refs/remotes/origin/a/b', 'refs/remotes/origin/a/b'],
    ['refs/pull/1/merge', 'pull', 'refs/remotes/pull/1/merge', 'refs/remotes/pull/1/merge'],
    ['refs/tags/v1', 'tag', 'refs/tags/v1', 'refs/tags/v1'],
    ['refs/gh/queue/1', 'other', undefined, sha],
    ['', 'commit', undefined, sha],
  ]

  it.each(targets)('%j is a %s, followed by %s and started from %s', (ref, kind, tracking, startPoint) => {
    const target = targetOf(ref, sha)
    expect(target).toEqual({ kind, ref, commit: sha })
    expect(trackingRefOf(target)).toBe(tracking)
    expect(startPointOf(target)).toBe(startPoint)
  })

  it('is never made of a name that may be a branch or a tag', () => {
    expect(isQualified('main')).toBe(false)
    expect(isQualified('refs/heads/main')).toBe(true)
    expect(() => targetOf('main', sha)).toThrow('Not a full ref: main')
  })
})

describe('the refspecs', () => {
  const allBranches = '+refs/heads/*:refs/remotes/origin/*'
  const allTags = '+refs/tags/*:refs/tags/*'
  const branch = `+${sha}:refs/remotes/origin/main`
  const pull = `+${sha}:refs/remotes/pull/1/merge`
  const tag = '+refs/tags/v1:refs/tags/v1'

  it.each([
    ['refs/heads/main', [branch], [allTags, branch], [allBranches, allTags]],
    ['refs/pull/1/merge', [pull], [allTags, pull], [allBranches, allTags, pull]],
    ['refs/tags/v1', [tag], [allTags], [allBranches, allTags]],
    ['refs/gh/queue/1', [sha], [allTags, sha], [allBranches, allTags]],
    ['', [sha], [allTags, sha], [allBranches, allTags]],
  ])('for %j are those of actions/checkout', (ref, wanted, withTags, everything) => {
    const target = targetOf(ref, sha)
    expect(refspecsFor(target, { history: 'wanted', tags: 'none' })).toEqual(wanted)
    expect(refspecsFor(target, { history: 'wanted', tags: 'all' })).toEqual(withTags)
    expect(refspecsFor(target, { history: 'everything', tags: 'none' })).toEqual(everything)
    expect(refspecsFor(target, { history: 'everything', tags: 'all' })).toEqual(everything)
  })
})
