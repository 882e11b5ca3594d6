import { readFileSync } from 'node:fs'
import { zstdDecompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { ask } from './ask.ts'
import { git } from './git-repo.ts'
import { skipWithout } from './programs.ts'
import { scene, unpacked } from './snapshot-scene.ts'

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
