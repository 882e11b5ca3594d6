import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ActionError } from '../../src/errors.ts'
import { gitIn } from '../../src/git/git.ts'
import { resolveAtOrigin, withGitRetries } from '../../src/git/origin.ts'
import { settingsEnvironment } from '../../src/git/settings.ts'
import { git, gitEnvironment } from '../support/git-repo.ts'
import { type ServedOrigin, serveOrigin } from './served-origin.ts'

describe('what a ref stands for at the origin', () => {
  let served: ServedOrigin
  let first: string
  let tip: string

  beforeEach(async () => {
    served = await serveOrigin()
    first = await served.upstream.git('rev-parse', 'main~1')
    tip = await served.upstream.git('rev-parse', 'main')
  })

  afterEach(() => served.close())

  const resolve = (ref: string, commit?: string) => {
    const asking = { git: gitIn(served.root, served.place), retries: served.retries }
    return resolveAtOrigin({ ref, commit }, served.origin, asking)
  }

  it('is not asked where the commit is known', async () => {
    const target = await resolve('refs/heads/main', first)
    expect(target).toEqual({ kind: 'branch', ref: 'refs/heads/main', commit: first })
    expect(served.github.log).toEqual([])
  })

  it('is the default branch where nothing is named', async () => {
    await served.upstream.git('branch', 'trunk', first)
    await served.upstream.git('symbolic-ref', 'HEAD', 'refs/heads/trunk')
    expect(await resolve('')).toEqual({ kind: 'branch', ref: 'refs/heads/trunk', commit: first })
  })

  it('is a mere commit where the HEAD of the origin is no branch', async () => {
    await served.upstream.git('update-ref', '--no-deref', 'HEAD', first)
    expect(await resolve('')).toEqual({ kind: 'commit', ref: '', commit: first })
  })

  it('is the branch where a tag has the same name', async () => {
    await served.upstream.git('branch', 'both', tip)
    await served.upstream.git('tag', 'both', first)
    expect(await resolve('both')).toEqual({ kind: 'branch', ref: 'refs/heads/both', commit: tip })
    expect(await resolve('refs/tags/both')).toEqual({ kind: 'tag', ref: 'refs/tags/both', commit: first })
  })

  it('is the commit of a tag, annotated or not', async () => {
    await served.upstream.git('tag', 'light', first)
    await served.upstream.git('tag', '-a', '-m', 'Annotated', 'inner', first)
    await served.upstream.git('tag', '-a', '-m', 'A tag of a tag', 'v1', 'inner')
    expect(await resolve('light')).toEqual({ kind: 'tag', ref: 'refs/tags/light', commit: first })
    expect(await resolve('v1')).toEqual({ kind: 'tag', ref: 'refs/tags/v1', commit: first })
  })

  it('is found under its full name, and not where the name is but the end of another', async () => {
    const { merge } = await served.upstream.pullRequest(7, [{ path: 'new', content: 'new\n' }])
    await served.upstream.git('branch', 'release/main', first)
    await served.upstream.git('branch', 'refs/heads/main', first)
    expect(await resolve('refs/pull/7/merge')).toEqual({
      kind: 'pull',
      ref: 'refs/pull/7/merge',
      commit: merge,
    })
    expect(await resolve('main')).toMatchObject({ commit: tip })
    expect(await resolve('refs/heads/main')).toMatchObject({ commit: tip })
    await expect(resolve('release')).rejects.toMatchObject({ code: 'REF_NOT_FOUND' })
  })

  it.each([
    ['nothing', "A branch or tag with the name 'nothing' could not be found at http://"],
    ['refs/heads/nothing', "The ref 'refs/heads/nothing' could not be found at http://"],
    ['2d52d76', 'check the input ref; a commit needs all of its 40 (or 64) digits'],
    ['refs/pull/9/merge', "The ref 'refs/pull/9/merge' could not be found at http://"],
  ])('is an error in words for %s', async (ref, words) => {
    await expect(resolve(ref)).rejects.toMatchObject({
      code: 'REF_NOT_FOUND',
      message: expect.stringContaining(words),
    })
    expect(served.delays).toEqual([])
  })

  it('is an error in words for the default branch of an empty repository', async () => {
    await served.upstream.git('update-ref', '-d', 'refs/heads/main')
    await expect(resolve('')).rejects.toMatchObject({
      code: 'REF_NOT_FOUND',
      message: expect.stringMatching(/has no default branch/),
    })
  })

  it('is asked again when the origin fails', async () => {
    let failures = 2
    served.script.fault = () => (failures-- > 0 ? { status: 503 } : undefined)
    expect(await resolve('main')).toMatchObject({ commit: tip })
    expect(served.delays).toEqual([15_000, 15_000])
  })

  const CHECK =
    'is not there, or this token may not read it: check the inputs repository and token ' +
    `(github.token reads only the workflow's own repository), and "contents: read" in the job's permissions`

  it('is asked once for a repository that is not there', async () => {
    const url = `${served.github.url}/octo/nothing`
    const asking = { git: gitIn(served.root, served.place), retries: served.retries }
    const asked = resolveAtOrigin({ ref: 'main', commit: undefined }, { ...served.origin, url }, asking)
    await expect(asked).rejects.toMatchObject({ code: 'REF_NOT_FOUND', message: `${url} ${CHECK}` })
    expect(served.delays).toEqual([])
  })

  it('is asked once with a token that the origin does not take', async () => {
    const header = [`http.${served.github.url}/.extraheader`, 'AUTHORIZATION: basic d3Jvbmc='] as const
    const origin = { ...served.origin, env: settingsEnvironment([header], gitEnvironment) }
    const asking = { git: gitIn(served.root, served.place), retries: served.retries }
    const asked = resolveAtOrigin({ ref: 'main', commit: undefined }, origin, asking)
    await expect(asked).rejects.toMatchObject({ code: 'REF_NOT_FOUND', message: `${origin.url} ${CHECK}` })
    expect(served.delays).toEqual([])
  })

  it('is found in a SHA-256 repository', async () => {
    const { directory } = served.upstream
    const name = `${directory.slice(0, -'.git'.length)}-sha256`
    await git(served.root, 'init', '--quiet', '--bare', '--object-format=sha256', `${name}.git`)
    const tree = await git(`${name}.git`, 'hash-object', '-w', '-t', 'tree', '/dev/null')
    const commit = await git(`${name}.git`, 'commit-tree', '-m', 'First', tree)
    await git(`${name}.git`, 'update-ref', 'refs/heads/main', commit)
    const origin = { ...served.origin, url: `${served.origin.url}-sha256` }
    const asking = { git: gitIn(served.root, served.place), retries: served.retries }
    const target = await resolveAtOrigin({ ref: 'main', commit: undefined }, origin, asking)
    expect(target.commit).toBe(commit)
    expect(commit).toHaveLength(64)
  })
})

describe('git against the origin', () => {
  const failed = new ActionError('GIT_FAILED', 'git fetch failed (exit code 128): early EOF')

  function failing(times: number, error: Error) {
    const calls = { attempts: 0, delays: [] as number[], told: [] as unknown[] }
    const attempt = async () => {
      calls.attempts += 1
      if (calls.attempts <= times) throw error
      return 'done'
    }
    const randoms = [0, 0.999_999]
    const retries = {
      random: () => randoms.shift() ?? 0,
      wait: async (delayMs: number) => void calls.delays.push(delayMs),
      onRetry: (...said: unknown[]) => void calls.told.push(said),
    }
    return { calls, result: withGitRetries(attempt, retries, 'https://host/octo/project') }
  }

  it('is tried three times, 10 to 20 seconds apart', async () => {
    const { calls, result } = failing(2, failed)
    expect(await result).toBe('done')
    expect(calls.delays).toEqual([10_000, 19_999])
    expect(calls.told).toEqual([
      [failed, 10_000],
      [failed, 19_999],
    ])
  })

  it('fails after the third try, and says how git did', async () => {
    const { calls, result } = failing(9, failed)
    const message = `gave up after 3 attempts: ${failed.message}`
    await expect(result).rejects.toMatchObject({ code: 'ORIGIN_FAILED', message, cause: failed })
    expect(calls).toMatchObject({ attempts: 3, delays: [10_000, 19_999] })
  })

  it.each([
    "fatal: unable to access 'https://host/': Failed to connect to host port 443 after 2 ms: Couldn't connect to server",
    "fatal: unable to access 'https://host/': Could not resolve host: host",
    'ssh: connect to host host port 22: Connection refused',
  ])('names github-server-url where it came to no server: %s', async (said) => {
    const { result } = failing(9, new ActionError('GIT_FAILED', `git fetch failed (exit code 128): ${said}`))
    const advice = '; check the address (github-server-url), and that this runner can reach it'
    await expect(result).rejects.toMatchObject({
      message: `gave up after 3 attempts: git fetch failed (exit code 128): ${said}${advice}`,
    })
  })

  it.each([
    ['could not be started', new ActionError('GIT_FAILED', 'git is needed', { cause: new Error('ENOENT') })],
    ['was cancelled', new ActionError('CANCELLED', 'the job was cancelled')],
    ['met a fault of ours', new TypeError('x is undefined')],
  ])('is not tried again when it %s', async (_, error) => {
    const { calls, result } = failing(9, error)
    await expect(result).rejects.toBe(error)
    expect(calls.attempts).toBe(1)
  })
})
