import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type FreshenOptions, freshen } from '../../src/git/freshen.ts'
import { targetOf } from '../../src/git/wanted.ts'
import { type ServedOrigin, serveOrigin } from '../git/served-origin.ts'
import type { Fault } from '../support/fault.ts'
import { git } from '../support/git-repo.ts'
import { useScene } from './scene.ts'

describe('a git fetch from the origin', () => {
  let served: ServedOrigin
  let tree: string
  let tip: string

  beforeEach(async () => {
    served = await serveOrigin()
    tree = join(served.root, 'tree')
    await git(served.root, 'clone', '--quiet', served.upstream.directory, tree)
    await git(tree, 'remote', 'set-url', 'origin', served.origin.url)
    tip = await served.upstream.commit([{ path: 'README.md', content: 'three\n' }])
  })
  afterEach(() => served.close())

  const fetchTip = (changes: Partial<FreshenOptions> = {}) =>
    freshen({
      ...served.place,
      tree,
      clone: 'new',
      target: targetOf('refs/heads/main', tip),
      origin: served.origin,
      bundle: async () => undefined,
      server: async () => undefined,
      depth: 1,
      tags: 'none',
      retries: served.retries,
      onProgress: undefined,
      log: () => {},
      ...changes,
    })
  const refs = () => git(tree, 'for-each-ref')

  const isPack = (path: string) => path.endsWith('/git-upload-pack')
  const packet = (text: string) => `${(text.length + 4).toString(16).padStart(4, '0')}${text}`
  const gitReply = (body: string): Fault => ({
    body,
    headers: { 'content-type': 'application/x-git-upload-pack-result' },
  })

  const FAILURES: readonly { readonly what: string; readonly fault: Fault; readonly says: RegExp }[] = [
    { what: 'an error of the server', fault: { status: 500 }, says: /error: 500/ },
    { what: 'a server that is not ready', fault: { status: 503 }, says: /error: 503/ },
    { what: 'a connection reset', fault: { drop: 'reset' }, says: /curl|RPC failed|reset/ },
    { what: 'a remote that hangs up', fault: gitReply(''), says: /hung up|expected|flush/ },
    {
      what: 'an answer that breaks off',
      fault: { finAfter: 40 },
      says: /RPC failed|early EOF|hung up/,
    },
    {
      what: 'a page',
      fault: { body: '<html>Sign in</html>' },
      says: /not valid|invalid|protocol error|bad line|expected/,
    },
    {
      what: 'another depth than was asked for',
      fault: gitReply(`${packet('shallow-info\n')}${packet(`shallow ${'0'.repeat(40)}\n`)}0000`),
      says: /shallow|expected|packfile|hung up/,
    },
    {
      what: 'words for the log of the runner',
      fault: gitReply(packet('ERR ##[add-path]x ::set-env name=x::y\r::error::z')),
      says: /^(?!.*(##\[|::|[\r\n]))/,
    },
  ]

  it.each(FAILURES)('F130: tried three times, then an error in words, by $what', async ({ fault, says }) => {
    served.script.fault = ({ path }) => (isPack(path) ? fault : undefined)
    const before = await refs()
    const failure = fetchTip()
    await expect(failure).rejects.toMatchObject({
      code: 'ORIGIN_FAILED',
      message: expect.stringMatching(says),
    })
    await expect(failure).rejects.toThrow(/^gave up after 3 attempts: git fetch failed \(exit code \d+\): /)
    expect(served.delays).toEqual([15_000, 15_000])
    expect(await refs()).toBe(before)
  })

  it.each(FAILURES)('F130: the third try does it after $what', async ({ fault }) => {
    // Curl tries some of them again itself.
    served.script.fault = ({ path }) => (isPack(path) && served.delays.length < 2 ? fault : undefined)
    expect(await fetchTip()).toBe('origin')
  })

  it('F130: asks nobody for a password, and not a second time', async () => {
    served.script.fault = () => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="git"' } })
    const cause = expect.objectContaining({
      message: expect.stringMatching(
        /could not read Username .*terminal prompts disabled|Authentication failed/,
      ),
    })
    await expect(fetchTip()).rejects.toMatchObject({ code: 'REF_NOT_FOUND', cause })
    expect(served.delays).toEqual([])
  })

  it('F130: does not wait for ever for a server that sends nothing', async () => {
    const trace = join(served.root, 'trace')
    await fetchTip({ env: { ...served.place.env, GIT_TRACE2_EVENT: trace } })
    const fetch = (await readFile(trace, 'utf8')).split('\n').find((line) => line.includes('"fetch"'))
    expect(fetch).toContain('"http.lowSpeedLimit=1000"')
    expect(fetch).toContain('"http.lowSpeedTime=60"')
  })
})

describe('a ref that is elsewhere than the job was told', () => {
  const scene = useScene()
  beforeAll(() => scene.serve(scene.clone))

  it.each(['fetch', 'skip', 'fail'])(
    'F131: a tag that has moved fails the step, on-miss: %s',
    async (onMiss) => {
      await scene.upstream.git('tag', '--force', 'v1', scene.commits.before)
      const asked = { ref: 'refs/tags/v1', inputs: { 'on-miss': onMiss } }
      await scene.expectFailure(asked, 'REF_MOVED', /'refs\/tags\/v1' does not point to the expected commit/)
    },
  )

  it.each(['fetch', 'fail'])('F131: a commit that is gone fails the step, on-miss: %s', async (onMiss) => {
    const asked = { commit: '1'.repeat(40), inputs: { 'on-miss': onMiss } }
    await scene.expectFailure(asked, 'REF_NOT_FOUND', /does not have what this job wants/)
  })

  it('F131: a branch that has gone on is left at the commit of the job', async () => {
    const { workspace } = await scene.restore({ commit: scene.commits.snapshot })
    await scene.expectCommit(workspace, scene.commits.snapshot)
  })

  it('F131: a tag that has moved fails the step where a workspace is used again, and it is as it was', async () => {
    const { workspace } = await scene.restore({ commit: scene.commits.snapshot })
    await scene.upstream.git('tag', '--force', 'v1', scene.commits.before)
    const failure = scene.restore({ workspace, ref: 'refs/tags/v1' })
    await expect(failure).rejects.toMatchObject({ code: 'REF_MOVED' })
    await scene.expectCommit(workspace, scene.commits.snapshot)
  })
})
