import { describe, expect, it, onTestFinished } from 'vitest'
import { startObjectServer } from './support/object-server.ts'
import type { FaultScript } from './support/scripted-server.ts'
import { startSite } from './support/site.ts'
import { scene } from './support/snapshot-scene.ts'
import { failedWarmStep, NOW, warmStep } from './warm-step.ts'

const UNKNOWN = '2'.repeat(40)

/** A snapshot server, and the commit that its upstream has. */
async function coldServer(options: Parameters<typeof scene>[0] = {}) {
  const { server, upstream } = await scene(options)
  const sha = await upstream.git('rev-parse', 'main')
  const asked = () => server.log.map(({ method, path }) => `${method} ${path.split('/').at(-1)}`)
  return { server, upstream, sha, asked, inputs: { server: server.url, retries: '0' } }
}

async function warmServer(options: Parameters<typeof scene>[0] = {}) {
  const cold = await coldServer(options)
  const snapshot = await cold.server.generate('octo/project')
  return { ...cold, snapshot }
}

describe('warming a snapshot server', () => {
  it('finds the snapshot of a warm one, whose body it drops, and has it get the commit', async () => {
    const { snapshot, sha, asked, inputs, server } = await warmServer({
      fault: ({ path }) =>
        path.endsWith('.zst') ? { headers: { 'last-modified': secondsAgo(90) } } : undefined,
    })
    const { outputs, line, lines } = await warmStep({ inputs, sha })
    expect(outputs).toEqual({
      found: 'true',
      source: 'cachew',
      commit: sha,
      'is-current': 'true',
      'age-seconds': '90',
      bytes: String(snapshot.bytes),
      etag: snapshot.etag,
      ensured: 'true',
      kept: '',
    })
    const short = sha.slice(0, 7)
    expect(line).toMatch(
      new RegExp(
        `^Cachew has a snapshot of octo/project at ${short}, the wanted commit \\(.* MB, 1 min old\\); ` +
          `the server's mirror has ${short}$`,
      ),
    )
    expect(lines).toEqual([])
    expect(asked()).toEqual(['GET snapshot.tar.zst', 'POST ensure-refs'])
    expect(server.log[0]).toMatchObject({ status: 206, range: 'bytes=0-65535' })
  })

  it('reads what a cold one makes to its end, and finds it there afterwards', async () => {
    const { server, sha, asked, inputs } = await coldServer()
    const { outputs, line } = await warmStep({ inputs, sha })
    expect(outputs).toMatchObject({ found: 'true', commit: sha, 'is-current': 'true', ensured: 'true' })
    expect(Number(outputs.bytes)).toBeGreaterThan(0)
    expect(outputs.etag).toMatch(/^".+"$/)
    expect(line).toMatch(/^Cachew made a snapshot of octo\/project at /)
    expect(asked()).toEqual(['GET snapshot.tar.zst', 'GET snapshot.tar.zst', 'POST ensure-refs'])
    expect(server.log[0]).toMatchObject({ status: 200, state: 'complete' })
    expect(server.log[0]?.bytesSent).toBe(Number(outputs.bytes))
  })

  it('makes one that has forgotten its snapshot make it anew, with what was pushed since', async () => {
    const { server, upstream, inputs } = await warmServer()
    const sha = await upstream.commit([{ path: 'new', content: 'new' }])
    expect((await warmStep({ inputs, sha })).outputs).toMatchObject({
      'is-current': 'false',
      ensured: 'true',
    })
    server.evict('octo/project')
    expect((await warmStep({ inputs, sha })).outputs).toMatchObject({ 'is-current': 'true', commit: sha })
  })

  it('asks again where the snapshot breaks off while it is made', async () => {
    const { inputs, sha, server } = await coldServer({
      fault: ({ index }) => (index === 0 ? { resetAfter: 1000 } : undefined),
    })
    const { outputs, lines } = await warmStep({ inputs: { ...inputs, retries: '1' }, sha })
    expect(outputs).toMatchObject({ found: 'true', commit: sha })
    expect(lines).toEqual([expect.stringContaining('trying again')])
    expect(server.log[0]?.state).toBe('aborted')
  })

  it('waits for a server that keeps what it made a moment later', async () => {
    const { inputs, sha } = await warmServer({ fault: coldUntil(3) })
    const { outputs, line, waitsMs } = await warmStep({ inputs, sha })
    expect(outputs).toMatchObject({ found: 'true', commit: sha })
    expect(line).toMatch(/^Cachew made /)
    expect(waitsMs).toEqual([250, 1_000])
  })

  it('does not find what a server makes for each who asks', async () => {
    const { inputs, sha } = await warmServer({ fault: coldUntil(100) })
    const { outputs, line, waitsMs } = await warmStep({ inputs, sha })
    expect(outputs).toMatchObject({ found: 'false', ensured: 'true' })
    expect(line).toMatch(/snapshot\.tar\.zst sent a snapshot and does not keep it; /)
    expect(waitsMs).toEqual([250, 1_000, 4_000])
  })

  it('tells that the server cannot get the commit', async () => {
    const { inputs } = await warmServer()
    const { outputs, line } = await warmStep({ inputs, sha: UNKNOWN })
    expect(outputs).toMatchObject({ found: 'true', 'is-current': 'false', ensured: 'false' })
    expect(line).toMatch(/; the server's mirror cannot get 2222222$/)
  })

  it('tells in the same line why there is no word on the commit', async () => {
    const { inputs, sha } = await warmServer({
      fault: ({ path }) => (path.endsWith('ensure-refs') ? { status: 502 } : undefined),
    })
    const { outputs, line, lines } = await warmStep({ inputs, sha })
    expect(outputs).toMatchObject({ found: 'true', ensured: '' })
    expect(line).toMatch(/; no word from the server on .*\/ensure-refs answered 502$/)
    expect(lines).toEqual([])
  })

  it('has it get the commit even where it makes no snapshot for who asks', async () => {
    const { inputs, sha } = await coldServer({ cold: 'not-found' })
    const { outputs, line } = await warmStep({ inputs, sha })
    expect(outputs).toEqual({
      found: 'false',
      source: 'cachew',
      commit: '',
      'is-current': 'false',
      'age-seconds': '',
      bytes: '',
      etag: '',
      ensured: 'true',
      kept: '',
    })
    expect(line).toMatch(/^No snapshot of octo\/project is there for jobs to come: .* answered 404;/)
  })

  it('asks the origin which commit a branch stands for, with the token', async () => {
    const { forge, tip: commit } = await startSite()
    const inputs = { server: forge.snapshots.url, 'github-server-url': forge.github.url, token: forge.token }
    const { outputs } = await warmStep({ inputs: { ...inputs, ref: 'main' } })
    expect(outputs).toMatchObject({ commit, 'is-current': 'true', ensured: 'true' })
  })
})

describe('looking at an address', () => {
  it('finds what it answers, and its age', async () => {
    const bytes = Buffer.alloc(200_000)
    const server = await startObjectServer({ bytes, headers: { 'last-modified': secondsAgo(7_200) } })
    onTestFinished(server.close)
    const { outputs, line } = await warmStep({ inputs: { url: `${server.url}/a.tar.zst` }, sha: UNKNOWN })
    expect(outputs).toEqual({
      found: 'true',
      source: 'url',
      commit: '',
      'is-current': 'false',
      'age-seconds': '7200',
      bytes: '200000',
      etag: '"v1"',
      ensured: '',
      kept: '',
    })
    expect(line).toBe('The URL has a snapshot of octo/project (0.2 MB, 2 h old)')
    expect(server.log).toMatchObject([{ method: 'GET', range: 'bytes=0-65535' }])
  })

  it('drops a body of unknown length at once', async () => {
    const server = await startObjectServer({
      bytes: Buffer.alloc(64 * 1024 * 1024),
      etag: null,
      fault: () => ({ ignoreRange: true, chunked: true }),
    })
    onTestFinished(server.close)
    const { outputs } = await warmStep({ inputs: { url: `${server.url}/a.tar.zst` }, sha: UNKNOWN })
    expect(outputs).toMatchObject({ found: 'true', bytes: '', etag: '', 'age-seconds': '' })
    await server.until(() => server.log[0]?.state === 'aborted')
  })

  it.each([
    ['nothing', undefined, /answered 404/],
    ['an empty object', Buffer.alloc(0), /is empty/],
  ])('does not find a snapshot where there is %s', async (_, bytes, reason) => {
    const server = await startObjectServer({ ...(bytes && { bytes }) })
    onTestFinished(server.close)
    const { outputs, line } = await warmStep({ inputs: { url: `${server.url}/a.tar.zst` }, sha: UNKNOWN })
    expect(outputs).toMatchObject({ found: 'false', source: 'url', ensured: '' })
    expect(line).toMatch(reason)
  })
})

describe('without a source', () => {
  it('finds nothing, says why, and asks nobody', async () => {
    const { outputs, line } = await warmStep({ inputs: { source: 'none' } })
    expect(outputs).toMatchObject({ found: 'false', source: 'none', 'is-current': 'false' })
    expect(line).toBe(
      'No snapshot of octo/project is there for jobs to come: snapshots are switched off (source: none, or GIT_SNAPSHOT_DISABLE)',
    )
  })
})

describe('a snapshot server that fails', () => {
  it('is an error where it cannot be reached', async () => {
    const { server, inputs, sha } = await coldServer()
    await server.close()
    expect(await failedWarmStep({ inputs, sha })).toMatchObject({ code: 'CONNECTION_FAILED' })
  })

  it('is an error where it does not let the step in, with no word of what was sent', async () => {
    const { inputs, sha } = await warmServer({ fault: () => ({ status: 403 }) })
    const { code, words } = await failedWarmStep({
      inputs: { ...inputs, authorization: 'Bearer t0p-s3cret' },
      sha,
    })
    expect(code).toBe('ACCESS_DENIED')
    expect(words).not.toContain('s3cret')
  })

  it('ends with the step where the snapshot takes for ever', async () => {
    const { server, inputs, sha } = await coldServer({ fault: () => ({ stallAfter: 1000 }) })
    const cancelled = new AbortController()
    const step = failedWarmStep({ inputs, sha, signal: cancelled.signal })
    await server.until(() => (server.log[0]?.bytesSent ?? 0) >= 1000)
    cancelled.abort(new Error('cancelled'))
    expect(await step).toMatchObject({ words: 'cancelled' })
    await server.until(() => server.log[0]?.state === 'aborted')
  })

  it.each([
    ['the time of the step', { timeout: '0.01' }, 'TIMEOUT'],
    ['the time without progress', { 'stall-timeout': '1' }, 'STALLED'],
  ])('is given up after %s', async (_, limit, code) => {
    const { inputs, sha } = await coldServer({ fault: () => ({ stallAfter: 1000 }) })
    expect(await failedWarmStep({ inputs: { ...inputs, ...limit }, sha })).toMatchObject({ code })
  })
})

/** Answers as a cold server does before its nth request. */
function coldUntil(nth: number): FaultScript {
  return ({ path, attempt }) =>
    path.endsWith('.zst') && attempt < nth ? { ignoreRange: true, chunked: true, etag: null } : undefined
}

function secondsAgo(seconds: number): string {
  return new Date(NOW - seconds * 1000).toUTCString()
}
