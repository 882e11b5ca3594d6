import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ask } from './ask.ts'
import { never } from './deferred.ts'
import { git } from './git-repo.ts'
import { lfsFile, storeLfs } from './lfs-upstream.ts'
import { skipWithout } from './programs.ts'
import { scene, unpacked } from './snapshot-scene.ts'
import { temporary } from './temporary.ts'

describe('the bundle', () => {
  it('brings a clone of the snapshot’s commit to the new one', async () => {
    const { server, upstream, repository } = await scene()
    const { commit } = await server.generate('octo/project')
    const directory = temporary()
    await git(directory, 'clone', '--quiet', upstream.directory, '.')
    const moved = await upstream.commit([{ path: 'new', content: 'new' }])
    const bundle = await ask(`${repository}/snapshot.bundle?base=${commit}`)
    expect(bundle).toMatchObject({ status: 200, headers: { 'content-type': 'application/x-git-bundle' } })
    const file = join(temporary(), 'bundle')
    writeFileSync(file, bundle.body)
    expect(await git(directory, 'bundle', 'unbundle', file)).toBe(`${moved} refs/heads/main`)
    expect(await git(directory, 'cat-file', '-t', moved)).toBe('commit')
  })

  it('is 204 when there is nothing new, 404 from an unknown commit, 400 from no commit', async () => {
    const { upstream, repository } = await scene()
    const head = await upstream.git('rev-parse', 'main')
    const status = async (base: string) => (await ask(`${repository}/snapshot.bundle?base=${base}`)).status
    expect(await status(head)).toBe(204)
    expect(await status('1'.repeat(40))).toBe(404)
    expect(await status('main')).toBe(400)
  })
})

describe('ensure-refs', () => {
  const post = async (repository: string, body: string) => {
    const { status, body: answer } = await ask(`${repository}/ensure-refs`, { method: 'POST', body })
    return { status, ...(status === 200 && { json: JSON.parse(answer.toString()) }) }
  }

  it('tells where refs are and which commits are missing', async () => {
    const { upstream, repository } = await scene()
    const main = await upstream.git('rev-parse', 'main')
    const missing = '2'.repeat(40)
    const refs = { 'refs/heads/main': main, 'refs/heads/none': '' }
    expect(await post(repository, JSON.stringify({ refs, commits: [main, missing] }))).toEqual({
      status: 200,
      json: {
        refs: { 'refs/heads/main': main, 'refs/heads/none': '' },
        missing_commits: [missing],
        fetched: true,
      },
    })
    expect(await post(repository, JSON.stringify({ commits: [main] }))).toMatchObject({
      json: { fetched: false },
    })
  })

  it('refuses a request without anything to ensure, without JSON, or of an unknown repository', async () => {
    const { server, repository } = await scene()
    expect((await post(repository, '{"refs":{},"commits":[]}')).status).toBe(400)
    expect((await post(repository, 'not json')).status).toBe(400)
    expect((await ask(`${repository}/ensure-refs`)).status).toBe(405)
    const unknown = `${server.url}/git/github.com/octo/none`
    expect((await post(unknown, '{"commits":["a"]}')).status).toBe(502)
  })
})

describe('an LFS snapshot', () => {
  it('has what HEAD needs and nothing older, below lfs, all in one answer', async (context) => {
    skipWithout(context, 'tar', 'zstd')
    const { server, upstream, repository } = await scene()
    const url = `${repository}/lfs-snapshot.tar.zst`
    for (const content of ['old', 'new']) {
      const { pointer } = await storeLfs(upstream, content)
      await upstream.commit([{ path: 'content.bin', content: pointer }])
    }
    expect((await ask(url)).status).toBe(404)
    await server.generateLfs('octo/project')
    const whole = await ask(url, { headers: { range: 'bytes=0-9' } })
    expect(whole.status).toBe(200)
    expect(whole.headers).not.toHaveProperty('accept-ranges')
    const directory = unpacked(whole.body)
    expect(readFileSync(join(directory, lfsFile('new').path), 'utf8')).toBe('new')
    expect(existsSync(join(directory, lfsFile('old').path))).toBe(false)
  })
})

describe('the git endpoint', () => {
  it('can be cloned from', async () => {
    const { upstream, repository } = await scene()
    const directory = temporary()
    await git(directory, 'clone', '--quiet', repository, '.')
    expect(await git(directory, 'rev-parse', 'HEAD')).toBe(await upstream.git('rev-parse', 'main'))
  })

  it('gives any commit by its name, shallow and without blobs when asked so', async () => {
    const { server, upstream, repository } = await scene()
    const { merge } = await upstream.pullRequest(3, [{ path: 'feature', content: 'on' }])
    const directory = temporary()
    await git(directory, 'init', '--quiet')
    await git(directory, 'fetch', '--quiet', '--depth', '1', `${repository}.git`, merge)
    expect(await git(directory, 'rev-parse', 'FETCH_HEAD')).toBe(merge)
    expect(await git(directory, 'show', 'FETCH_HEAD:feature')).toBe('on')
    const partial = temporary()
    await git(partial, 'clone', '--quiet', '--no-checkout', '--filter=blob:none', repository, '.')
    expect(await git(partial, 'rev-list', '--objects', '--missing=print', 'HEAD')).toMatch(/^\?/m)
    expect(server.log[0]?.headers['git-protocol']).toBe('version=2')
  })

  it('fails as the script says', async () => {
    const { repository } = await scene({
      fault: ({ path }) => (path.endsWith('/info/refs') ? { status: 500 } : undefined),
    })
    await expect(git(temporary(), 'ls-remote', repository)).rejects.toThrow(/500/)
  })
})

describe('the server', () => {
  it('says that it is alive, and 404 to what it does not know', async () => {
    const { server } = await scene()
    expect((await ask(`${server.url}/_liveness`)).status).toBe(200)
    expect((await ask(`${server.url}/nothing`)).status).toBe(404)
    expect((await ask(`${server.url}/git/github.com/octo/project/lfs-snapshot.tar.zst`)).status).toBe(404)
  })

  it('closes while a request is held', async () => {
    const { server, url } = await scene({ fault: () => ({ hold: never }) })
    const asking = ask(url)
    await server.until(() => server.active() === 1)
    await server.close()
    expect((await asking).error).toBe('ECONNRESET')
  })
})
