import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask } from './ask.ts'
import { deferred } from './deferred.ts'
import { git, makeUpstream } from './git-repo.ts'
import { lfsFile, storeLfs } from './lfs-upstream.ts'
import { skipWithout } from './programs.ts'
import { type SnapshotServerOptions, startSnapshotServer } from './snapshot-server.ts'

async function scene(options: Partial<SnapshotServerOptions> = {}) {
  const root = temporary()
  const upstream = await makeUpstream({ root })
  const server = await startSnapshotServer({ upstreams: root, ...options })
  onTestFinished(() => server.close())
  const repository = `${server.url}/git/github.com/octo/project`
  return { upstream, server, repository, url: `${repository}/snapshot.tar.zst` }
}

describe('a cached snapshot', () => {
  it('is answered with everything that Cachew says about it', async () => {
    const { server, upstream, url } = await scene()
    const snapshot = await server.generate('octo/project')
    expect(url).toBe(server.url + server.snapshotPath('octo/project'))
    const whole = await ask(url)
    expect(whole.status).toBe(200)
    expect(whole.body.equals(readFileSync(snapshot.file))).toBe(true)
    expect(whole.headers).toMatchObject({
      etag: snapshot.etag,
      'accept-ranges': 'bytes',
      'content-length': String(snapshot.bytes),
      'content-type': 'application/zstd',
      'content-disposition': 'attachment; filename="repo.tar.zst"',
      'last-modified': expect.stringMatching(/GMT$/),
      'x-cachew-snapshot-commit': await upstream.git('rev-parse', 'main'),
    })
    expect(whole.headers.etag).toMatch(/^"[0-9a-f-]{36}"$/)
    expect(whole.headers).not.toHaveProperty('x-cachew-bundle-url')
  })

  it('is answered in ranges under its pin, and with a name that ends in .git too', async () => {
    const { server, repository } = await scene()
    const { etag, bytes, file } = await server.generate('octo/project')
    const headers = { range: 'bytes=100-199', 'if-match': etag }
    const part = await ask(`${repository}.git/snapshot.tar.zst`, { headers })
    expect(part).toMatchObject({ status: 206, headers: { 'content-range': `bytes 100-199/${bytes}`, etag } })
    expect(part.body.equals(readFileSync(file).subarray(100, 200))).toBe(true)
  })

  it('answers preconditions, and 416 past its end', async () => {
    const { server, url } = await scene()
    const { etag, bytes } = await server.generate('octo/project')
    expect((await ask(url, { headers: { 'if-match': '"other"' } })).status).toBe(412)
    expect((await ask(url, { headers: { 'if-none-match': etag } })).status).toBe(304)
    const past = await ask(url, { headers: { range: `bytes=${bytes}-` } })
    expect(past).toMatchObject({ status: 416, headers: { 'content-range': `bytes */${bytes}` } })
  })

  it('changes its ETag with every generation', async () => {
    const { server, url } = await scene()
    const first = await server.generate('octo/project')
    const second = await server.generate('octo/project')
    expect(second.etag).not.toBe(first.etag)
    expect((await ask(url, { headers: { range: 'bytes=0-9', 'if-match': first.etag } })).status).toBe(412)
  })

  it('has a relative bundle URL once upstream has moved, on whole and on ranged answers', async () => {
    const { server, upstream, url } = await scene()
    const { commit } = await server.generate('octo/project')
    await upstream.commit([{ path: 'new', content: 'new' }])
    for (const headers of [{}, { range: 'bytes=0-9' }]) {
      expect((await ask(url, { headers })).headers).toMatchObject({
        'x-cachew-snapshot-commit': commit,
        'x-cachew-bundle-url': `/git/github.com/octo/project/snapshot.bundle?base=${commit}`,
      })
    }
  })

  it('answers HEAD with ETag, length and commit, and never makes a snapshot for it', async () => {
    const { server, url } = await scene()
    expect((await ask(url, { method: 'HEAD' })).status).toBe(404)
    const { etag, bytes, commit } = await server.generate('octo/project')
    const head = await ask(url, { method: 'HEAD' })
    expect(head.headers).toMatchObject({
      etag,
      'content-length': String(bytes),
      'x-cachew-snapshot-commit': commit,
    })
    expect(head.headers).not.toHaveProperty('accept-ranges')
    const headers = { 'if-none-match': etag, range: 'bytes=0-9' }
    expect((await ask(url, { method: 'HEAD', headers })).status).toBe(304)
  })

  it('unpacks into a clean full clone whose origin is the real one', async (context) => {
    skipWithout(context, 'tar', 'zstd')
    const { server, upstream, url } = await scene()
    await server.generate('octo/project')
    const directory = unpacked((await ask(url)).body)
    expect(await git(directory, 'remote', 'get-url', 'origin')).toBe('https://github.com/octo/project')
    expect(await git(directory, 'rev-parse', 'HEAD')).toBe(await upstream.git('rev-parse', 'main'))
    expect(await git(directory, 'status', '--porcelain', '--branch')).toBe('## main...origin/main')
    expect(await git(directory, 'fsck')).toBe('')
  })

  it('has the frame size that was asked for', async () => {
    const { server, url } = await scene({ frameBytes: 100_000 })
    await server.generate('octo/project')
    const { body } = await ask(url)
    const first = body.subarray(12, 12 + body.readUInt32LE(8))
    expect(zstdDecompressSync(first)).toHaveLength(100_000)
  })
})

describe('a cold snapshot', () => {
  it('is streamed without ETag, length or commit while it is made, and cached afterwards', async () => {
    const { url } = await scene()
    const cold = await ask(url, { headers: { range: 'bytes=0-99' } })
    expect(cold).toMatchObject({ status: 200, error: undefined, headers: { 'transfer-encoding': 'chunked' } })
    for (const name of [
      'etag',
      'content-length',
      'x-cachew-bundle-url',
      'x-cachew-snapshot-commit',
      'accept-ranges',
    ]) {
      expect(cold.headers).not.toHaveProperty(name)
    }
    const warm = await ask(url, { headers: { range: 'bytes=0-99' } })
    expect(warm).toMatchObject({ status: 206, headers: { etag: expect.stringMatching(/^"/) } })
    expect(warm.body.equals(cold.body.subarray(0, 100))).toBe(true)
  })

  it('is made once for requests that come together', async () => {
    const { url } = await scene()
    const [first, second] = await Promise.all([ask(url), ask(url)])
    expect(first.body.length).toBeGreaterThan(1_000_000)
    expect(second.body.equals(first.body)).toBe(true)
  })

  it('is made again after the cached one was evicted', async () => {
    const { server, url } = await scene()
    await server.generate('octo/project')
    server.evict('octo/project')
    expect((await ask(url)).headers).toHaveProperty('transfer-encoding')
  })

  it('is 404 and not to be stored where the server does not generate', async () => {
    const { url } = await scene({ cold: 'not-found' })
    expect(await ask(url)).toMatchObject({ status: 404, headers: { 'cache-control': 'no-store' } })
  })

  it('is 503 for a repository that cannot be cloned', async () => {
    const { server } = await scene()
    expect((await ask(server.url + server.snapshotPath('octo/none'))).status).toBe(503)
  })
})

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
    const { server, url } = await scene({ fault: () => ({ hold: deferred().promise }) })
    const asking = ask(url)
    await server.until(() => server.active() === 1)
    await server.close()
    expect((await asking).error).toBe('ECONNRESET')
  })
})

function unpacked(archive: Buffer): string {
  const directory = temporary()
  mkdirSync(join(directory, 'tree'))
  const tarball = execFileSync('zstd', ['-dc'], { input: archive, maxBuffer: 1 << 30 })
  execFileSync('tar', ['-xpf', '-', '-C', join(directory, 'tree')], { input: tarball })
  return join(directory, 'tree')
}

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'snapshot-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
