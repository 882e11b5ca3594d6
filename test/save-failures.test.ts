import { symlinkSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { describeError } from '../src/errors.ts'
import { failureOf } from './support/failing-step.ts'
import { findProgram, skipWithout } from './support/programs.ts'
import { type Saving, useSaveScene } from './support/save-scene.ts'
import { temporary } from './support/temporary.ts'

const scene = useSaveScene()

beforeEach((context) => {
  skipWithout(context, 'tar', 'zstd')
  // Waits between tries are over at once.
  vi.spyOn(Math, 'random').mockReturnValue(0)
})
afterEach(() => vi.restoreAllMocks())

/** The error of a save that is to leave nothing, and never tells a secret. */
async function failure(saving: Saving = {}): Promise<{ code: unknown; words: string }> {
  const error = await failureOf(scene.place, () => scene.save(saving))
  const words = describeError(error)
  const { token } = scene.forge
  const said = [words, ...scene.lines].join('\n')
  const secrets = [token, `${scene.service.env.ACTIONS_RUNTIME_TOKEN}`, 'sig=']
  expect(secrets.filter((secret) => said.includes(secret))).toEqual([])
  return { code: (error as { code?: unknown }).code, words }
}

/** That nobody was asked for anything. */
function expectSilence(): void {
  expect(scene.service.log).toEqual([])
  expect(scene.forge.github.log).toEqual([])
}

describe('a job for which there is no Actions cache', () => {
  it.each([
    ['on GitHub Enterprise Server', { GITHUB_SERVER_URL: 'https://github.example.com' }, 'Enterprise Server'],
    ['that may only read it', { ACTIONS_CACHE_MODE: 'read' }, 'ACTIONS_CACHE_MODE is read'],
    ['whose runner offers none', { ACTIONS_RESULTS_URL: '' }, 'the runner did not set'],
    ['whose runner has an older one', { ACTIONS_CACHE_SERVICE_V2: '' }, 'the runner did not set'],
  ])('%s is told so before anything else', async (_, variables, words) => {
    const env = { ...scene.env, ...variables }
    const seen = await failure({ context: { env } })
    expect(seen).toEqual({ code: 'CACHE_REFUSED', words: expect.stringContaining(words) })
    expect(seen.words).toContain('nothing can be saved in the Actions cache')
    expectSilence()
  })
})

describe('a machine', () => {
  it.each(['tar', 'zstd'])('without %s is told so before anything else', async (missing) => {
    const programs = temporary()
    for (const name of ['git', 'tar', 'zstd'].filter((program) => program !== missing)) {
      symlinkSync(findProgram(name) ?? '', `${programs}/${name}`)
    }
    const env = { ...scene.env, PATH: programs }
    expect(await failure({ context: { env } })).toEqual({
      code: 'PROGRAM_MISSING',
      words: `${missing} is needed on the PATH and was not found: install it`,
    })
    expectSilence()
  })
})

describe('a job that is about', () => {
  const PULL = { name: 'pull_request', ref: 'refs/pull/7/merge' }

  it.each<[string, Saving, string]>([
    ['a tag', { event: { ref: 'refs/tags/v1' } }, 'refs/tags/v1'],
    ['a pull request', { event: PULL }, 'refs/pull/7/merge'],
    ['a commit', { inputs: { ref: 'a'.repeat(40) } }, `the commit ${'a'.repeat(40)}`],
  ])('%s is refused in words, and nobody is asked', async (_, saving, seen) => {
    expect(await failure(saving)).toEqual({
      code: 'INVALID_INPUT',
      words: `a snapshot is of a branch, and this job is about ${seen}: set ref, or run it for a push to a branch`,
    })
    expectSilence()
  })

  it('a branch whose name is too long for a key is refused in words, and nobody is asked', async () => {
    const branch = Array.from({ length: 4 }, () => 'b'.repeat(120)).join('/')
    const { code, words } = await failure({ event: { ref: `refs/heads/${branch}` } })
    expect(code).toBe('INVALID_INPUT')
    expect(words).toMatch(/^the branch b+.* has a name that is too long for a key of the Actions cache$/)
    expectSilence()
  })

  it('a tag, by the name in the input ref, is refused once the origin has said that it is one', async () => {
    await scene.upstream.git('tag', 'v1', 'main')
    const { code, words } = await failure({ inputs: { ref: 'v1' } })
    expect(code).toBe('INVALID_INPUT')
    expect(words).toContain('this job is about refs/tags/v1')
    expect(scene.service.log).toEqual([])
  })

  it.each<[string, Saving, string, string]>([
    ['a branch that is not there', { inputs: { ref: 'gone' } }, 'REF_NOT_FOUND', "the name 'gone'"],
    [
      'a commit that neither workspace nor origin has',
      { event: { sha: '1'.repeat(40) } },
      'REF_NOT_FOUND',
      'does not have what this job wants',
    ],
  ])('%s fails in words', async (_, saving, code, words) => {
    const seen = await failure(saving)
    expect(seen).toEqual({ code, words: expect.stringContaining(words) })
    expect(scene.handed).toEqual([])
  })
})

describe('a cache service', () => {
  it.each([
    [429, 'RATE_LIMITED'],
    [500, 'SERVER_ERROR'],
    [404, 'NOT_FOUND'],
  ])('that answers %i fails the step, with nothing cloned', async (status, code) => {
    scene.fault = () => ({ status })
    expect(await failure()).toEqual({ code, words: expect.stringContaining(`answered ${status}`) })
    expect(scene.forge.github.log).toEqual([])
  })

  it.each([429, 500])('that answers %i once is asked again', async (status) => {
    scene.fault = ({ index }) => (index === 0 ? { status } : undefined)
    expect(await scene.save()).toMatchObject({ outcome: 'saved' })
    expect(scene.lines).toEqual([expect.stringContaining('trying again')])
  })

  it('that is down fails the step, with nothing cloned', async () => {
    await scene.service.close()
    expect(await failure()).toMatchObject({ code: 'CONNECTION_FAILED' })
    expect(scene.forge.github.log).toEqual([])
  })

  it('that lets this job do nothing fails the step, with nothing cloned', async () => {
    scene.service.grants = 'nothing'
    const { code, words } = await failure()
    expect(code).toBe('ACCESS_DENIED')
    expect(words).toContain("this job's token does not let it read the Actions cache")
    expect(scene.forge.github.log).toEqual([])
  })

  it('that lets this job only read does not take the entry', async () => {
    scene.service.grants = 'read'
    const { code, words } = await failure()
    expect(code).toBe('CACHE_REFUSED')
    expect(words).toContain(`did not take the entry ${scene.handed[0]}`)
    expect(scene.service.entries).toEqual([])
  })

  it('that fails while the entry is handed over leaves nothing in the temporary directory', async () => {
    const saveCache = () => Promise.reject(new Error('the upload broke'))
    expect(await failure({ context: { saveCache } })).toMatchObject({ words: 'the upload broke' })
  })
})
