import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { HttpClient } from '../../src/http/client.ts'
import { type CachewLocation, locate } from '../../src/snapshot/locate.ts'
import {
  ensureRefs,
  fetchBundle,
  SHORTCUT_LIMITS,
  type ShortcutLimits,
  type ShortcutOptions,
} from '../../src/snapshot/shortcut.ts'
import type { Fault } from '../support/fault.ts'
import { git, makeUpstream, patternBytes, type Upstream } from '../support/git-repo.ts'
import { startScriptedServer } from '../support/scripted-server.ts'
import { type SnapshotServer, startSnapshotServer } from '../support/snapshot-server.ts'

const TOKEN = 'Bearer t0p-s3cret'
const UNKNOWN = '2'.repeat(40)
const HEAD = '# v2 git bundle\n'
const never = new Promise<never>(() => {})

let upstream: Upstream
let server: SnapshotServer
let location: CachewLocation
let base: string
let newest: string
let fault: Fault | undefined

beforeAll(async () => {
  const root = mkdtempSync(join(tmpdir(), 'shortcut-upstream-'))
  upstream = await makeUpstream({ root })
  base = await upstream.git('rev-parse', 'main')
  newest = await upstream.commit([{ path: 'new', content: 'new' }])
  server = await startSnapshotServer({ upstreams: root, fault: () => fault })
  const wanted = {
    server: new URL(server.url),
    url: undefined,
    repository: { owner: 'octo', name: 'project' },
  }
  location = locate({ ...wanted, githubServerUrl: new URL('https://github.com') }) as CachewLocation
  return async () => {
    await server.close()
    rmSync(root, { recursive: true, force: true })
  }
})

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'shortcut-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** For this test, what goes wrong with its requests. */
function failing(by: Fault): void {
  fault = by
  onTestFinished(() => {
    fault = undefined
  })
}

interface Changes {
  readonly limits?: Partial<ShortcutLimits>
  readonly stallMs?: number
  readonly signal?: AbortSignal
}

function optionsWith({ limits, stallMs = 60_000, signal = new AbortController().signal }: Changes) {
  const log: string[] = []
  const client = new HttpClient({
    env: {},
    secrets: { origin: location.url.origin, headers: { authorization: TOKEN } },
    connectTimeoutMs: 10_000,
    connections: 8,
  })
  onTestFinished(() => client.close())
  const options: ShortcutOptions = {
    client,
    stall: { idleMs: stallMs, bytesPerSecond: 1 },
    limits: { ...SHORTCUT_LIMITS, ...limits },
    signal,
    log: (line) => log.push(line),
  }
  return { options, log }
}

async function bundleFrom(url: URL, changes: Changes = {}) {
  const file = join(temporary(), 'bundle')
  const { options, log } = optionsWith(changes)
  const outcome = await fetchBundle(url, { ...options, file })
  return { outcome, log, file }
}

async function askFor(commit: string, changes: Changes = {}, url = location.ensureRefs) {
  const { options, log } = optionsWith(changes)
  return { outcome: await ensureRefs(url, commit, options), log }
}

describe('the bundle', () => {
  it('leads from the snapshot’s commit to the newest one', async () => {
    const clone = temporary()
    await git(clone, 'clone', '--quiet', upstream.directory, '.')
    await git(clone, 'update-ref', 'refs/heads/main', base)
    const { outcome, log, file } = await bundleFrom(location.bundle(base))
    expect({ outcome, log }).toEqual({ outcome: 'ready', log: [] })
    expect(await git(clone, 'bundle', 'unbundle', file)).toBe(`${newest} refs/heads/main`)
  })

  it('is asked for with the server’s secrets', async () => {
    const before = server.log.length
    await bundleFrom(location.bundle(base))
    expect(server.log[before]).toMatchObject({
      path: '/git/github.com/octo/project/snapshot.bundle',
      query: `?base=${base}`,
      headers: { authorization: TOKEN },
    })
  })

  it('is none when the server has nothing newer', async () => {
    const { outcome, log, file } = await bundleFrom(location.bundle(newest))
    expect({ outcome, log }).toEqual({ outcome: 'up-to-date', log: [] })
    expect(existsSync(file)).toBe(false)
  })

  it('is written byte for byte when it is larger than what waits for the disk', async () => {
    const body = Buffer.concat([Buffer.from(HEAD), patternBytes(3 * 2 ** 20)])
    failing({ body, status: 200 })
    const { outcome, file } = await bundleFrom(location.bundle(base))
    expect(outcome).toBe('ready')
    expect(readFileSync(file).equals(body)).toBe(true)
  })

  it('may come in the smallest pieces', async () => {
    failing({ body: HEAD, status: 200, drip: { everyMs: 1 } })
    expect(await bundleFrom(location.bundle(base))).toMatchObject({ outcome: 'ready' })
  })

  it('may be as large as it is allowed to be', async () => {
    failing({ body: HEAD, status: 200 })
    const limits = { bundleBytes: HEAD.length }
    expect(await bundleFrom(location.bundle(base), { limits })).toMatchObject({ outcome: 'ready' })
  })

  it.each<[string, Fault, string, Changes?]>([
    ['is not there', { status: 404, body: 'Bundle not available' }, 'answered 404'],
    ['makes the server fail', { status: 500 }, 'answered 500'],
    ['is only a part', { status: 206, body: HEAD }, 'answered 206'],
    ['is a page', { body: '<html>Please sign in</html>' }, 'sent no git bundle'],
    ['is empty', { body: '', status: 200 }, 'sent no git bundle'],
    ['is encoded', { headers: { 'content-encoding': 'gzip' } }, 'Content-Encoding gzip'],
    ['has two encodings', { headers: { 'content-encoding': ['a', 'b'] } }, 'sent 2 content-encoding headers'],
    ['is reset on its way', { resetAfter: 100 }, 'ECONNRESET'],
    ['ends early', { finAfter: 100 }, 'other side closed'],
    ['stalls', { stallAfter: 20 }, 'stalled at byte 20: no byte for 0.05 s', { stallMs: 50 }],
    ['stalls at once', { stallAfter: 0 }, 'stalled at byte 0', { stallMs: 50 }],
    ['is not begun in time', { hold: never }, 'Headers Timeout', { limits: { timeoutMs: 50 } }],
    ['announces to be too large', {}, 'sends more than 100 bytes', { limits: { bundleBytes: 100 } }],
    ['is too large', { chunked: true }, 'sends more than 100 bytes', { limits: { bundleBytes: 100 } }],
    ['leads to a file', { redirect: 'file:///etc/passwd' }, 'redirects to file:'],
    ['is no HTTP', { raw: 'SSH-2.0-OpenSSH_9.9\r\n' }, 'does not answer in valid HTTP'],
  ])('that %s is unavailable, and leaves a line that says why and no file', async (_, what, why, changes) => {
    failing(what)
    const { outcome, log, file } = await bundleFrom(location.bundle(base), changes)
    expect(outcome).toBe('unavailable')
    expect(log).toEqual([expect.stringMatching(/^no bundle from the server: /)])
    expect(log[0]).toContain(why)
    expect(log[0]).not.toMatch(/s3cret|base=/)
    expect(existsSync(file)).toBe(false)
    await server.until(() => server.active() === 0)
  })

  it('from a commit that the server does not know is unavailable', async () => {
    expect(await bundleFrom(location.bundle(UNKNOWN))).toMatchObject({ outcome: 'unavailable' })
  })

  it('from a server that is not there is unavailable', async () => {
    const gone = await startScriptedServer(() => ({ status: 204, headers: {} }))
    await gone.close()
    const { outcome, log } = await bundleFrom(new URL(gone.url))
    expect(outcome).toBe('unavailable')
    expect(log[0]).toContain('ECONNREFUSED')
  })

  it('that cannot be written is unavailable, and its connection ended', async () => {
    const { options, log } = optionsWith({})
    const file = join(temporary(), 'no', 'such', 'directory')
    expect(await fetchBundle(location.bundle(base), { ...options, file })).toBe('unavailable')
    expect(log[0]).toContain('ENOENT')
    await server.until(() => server.active() === 0)
  })

  it('that is no longer wanted ends with the reason, and leaves no file and no line', async () => {
    failing({ stallAfter: 20 })
    const cancel = new AbortController()
    const { options, log } = optionsWith({ signal: cancel.signal })
    const file = join(temporary(), 'bundle')
    const fetching = fetchBundle(location.bundle(base), { ...options, file })
    await server.until(() => server.active() === 1 && server.log.at(-1)?.bytesSent === 20)
    cancel.abort(new Error('the commit is there already'))
    await expect(fetching).rejects.toThrow('the commit is there already')
    expect({ there: existsSync(file), log }).toEqual({ there: false, log: [] })
    await server.until(() => server.active() === 0)
  })
})

describe('the server’s mirror', () => {
  it('has a commit, or has it not', async () => {
    expect(await askFor(newest)).toEqual({ outcome: 'present', log: [] })
    expect(await askFor(UNKNOWN)).toEqual({ outcome: 'missing', log: [] })
  })

  it('is asked for one commit by a POST of JSON, with the server’s secrets', async () => {
    const bodies: string[] = []
    const recorder = await startScriptedServer(async (request) => {
      bodies.push(await text(request))
      return { status: 200, headers: {}, body: [Buffer.from('{"fetched":true}')] }
    })
    onTestFinished(() => recorder.close())
    await askFor(newest, {}, new URL('/ensure-refs', recorder.url))
    expect(bodies).toEqual([`{"commits":["${newest}"]}`])
    expect(recorder.log[0]).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': String(bodies[0]?.length) },
    })
    const before = server.log.length
    await askFor(newest)
    expect(server.log[before]).toMatchObject({ method: 'POST', headers: { authorization: TOKEN } })
  })

  it.each([
    ['present', '{"fetched":false}'],
    ['present', `{"missing_commits":["${UNKNOWN}"],"fetched":true}`],
    ['missing', '{"missing_commits":["COMMIT"],"fetched":true}'],
  ])('has a commit %s by the answer %s', async (outcome, body) => {
    failing({ status: 200, body: body.replace('COMMIT', newest) })
    expect(await askFor(newest)).toEqual({ outcome, log: [] })
  })

  it.each<[string, Fault, string, Changes?]>([
    ['knows no such request', { status: 404 }, 'answered 404'],
    ['cannot fetch', { status: 502, body: 'clone not ready' }, 'answered 502'],
    ['has nothing to say', { status: 204 }, 'answered 204'],
    ['answers with a page', { body: '<html>' }, 'did not answer as Cachew does'],
    ['answers with other JSON', { body: '{}' }, 'did not answer as Cachew does'],
    ['answers with null', { body: 'null' }, 'did not answer as Cachew does'],
    [
      'answers with a list that is none',
      { body: '{"missing_commits":"all","fetched":true}' },
      'did not answer as Cachew does',
    ],
    ['answers too much', { body: ' '.repeat(2 ** 20 + 1) }, 'sends more than 1048576 bytes'],
    [
      'answers too much without saying so',
      { body: ' '.repeat(2 ** 20 + 1), chunked: true },
      'sends more than 1048576 bytes',
    ],
    ['breaks off', { body: '{"fetched":true}', finAfter: 5 }, 'other side closed'],
    ['is silent', { hold: never }, 'did not answer within 0.05 s', { limits: { timeoutMs: 50 } }],
    [
      'drips',
      { body: ' '.repeat(100_000), drip: { everyMs: 5 } },
      'did not answer within 0.05 s',
      { limits: { timeoutMs: 50 } },
    ],
    ['stalls', { stallAfter: 5 }, 'stalled at byte 5', { stallMs: 50 }],
    ['sends the request to be a GET', { redirect: '/other', status: 303 }, 'a request with a body by 303'],
  ])('that %s tells nothing, and leaves a line that says why', async (_, what, why, changes) => {
    failing(what)
    const { outcome, log } = await askFor(newest, changes)
    expect(outcome).toBe('unavailable')
    expect(log).toEqual([expect.stringContaining(`no word from the server on ${newest}: `)])
    expect(log[0]).toContain(why)
    expect(log[0]).not.toContain('s3cret')
    await server.until(() => server.active() === 0)
  })

  it('is no longer asked when the answer is no longer wanted', async () => {
    failing({ hold: never })
    const cancel = new AbortController()
    const { options, log } = optionsWith({ signal: cancel.signal })
    const asking = ensureRefs(location.ensureRefs, newest, options)
    await server.until(() => server.active() === 1)
    cancel.abort(new Error('the commit is there already'))
    await expect(asking).rejects.toThrow('the commit is there already')
    expect(log).toEqual([])
    await server.until(() => server.active() === 0)
  })
})
