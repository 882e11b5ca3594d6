import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fetchBundle } from '../../src/snapshot/shortcut.ts'
import { never } from '../support/deferred.ts'
import type { Fault } from '../support/fault.ts'
import { git, patternBytes } from '../support/git-repo.ts'
import { startScriptedServer } from '../support/scripted-server.ts'
import { temporary } from '../support/temporary.ts'
import { type Changes, optionsFor, TOKEN, UNKNOWN, useMirror } from './mirror.ts'

const mirror = useMirror()

const HEAD = '# v2 git bundle\n'

async function fetched(changes: Changes = {}, url = mirror.location.bundle(mirror.base)) {
  const file = join(temporary(), 'bundle')
  const { options, log } = optionsFor(mirror, changes)
  const outcome = await fetchBundle(url, { ...options, file })
  return { outcome, log, file }
}

describe('the bundle', () => {
  it('leads from the snapshot’s commit to the newest one', async () => {
    const clone = temporary()
    await git(clone, 'clone', '--quiet', mirror.upstream.directory, '.')
    await git(clone, 'update-ref', 'refs/heads/main', mirror.base)
    const { outcome, log, file } = await fetched()
    expect({ outcome, log }).toEqual({ outcome: 'ready', log: [] })
    expect(await git(clone, 'bundle', 'unbundle', file)).toBe(`${mirror.newest} refs/heads/main`)
  })

  it('is asked for with the server’s secrets', async () => {
    const before = mirror.server.log.length
    await fetched()
    expect(mirror.server.log[before]).toMatchObject({
      path: '/git/github.com/octo/project/snapshot.bundle',
      query: `?base=${mirror.base}`,
      headers: { authorization: TOKEN },
    })
  })

  it('is none when the server has nothing newer', async () => {
    const { outcome, log, file } = await fetched({}, mirror.location.bundle(mirror.newest))
    expect({ outcome, log }).toEqual({ outcome: 'up-to-date', log: [] })
    expect(existsSync(file)).toBe(false)
  })

  it('is written byte for byte when it is larger than what waits for the disk', async () => {
    const body = Buffer.concat([Buffer.from(HEAD), patternBytes(3 * 2 ** 20)])
    mirror.fault = { body, status: 200 }
    const { outcome, file } = await fetched()
    expect(outcome).toBe('ready')
    expect(readFileSync(file).equals(body)).toBe(true)
  })

  it('may come in the smallest pieces', async () => {
    mirror.fault = { body: HEAD, status: 200, drip: { everyMs: 1 } }
    expect(await fetched()).toMatchObject({ outcome: 'ready' })
  })

  it('may be as large as it is allowed to be', async () => {
    mirror.fault = { body: HEAD, status: 200 }
    const limits = { bundleBytes: HEAD.length }
    expect(await fetched({ limits })).toMatchObject({
      outcome: 'ready',
    })
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
    mirror.fault = what
    const { outcome, log, file } = await fetched(changes)
    expect(outcome).toBe('unavailable')
    expect(log).toEqual([expect.stringMatching(/^no bundle from the server: /)])
    expect(log[0]).toContain(why)
    expect(log[0]).not.toMatch(/s3cret|base=/)
    expect(existsSync(file)).toBe(false)
    await mirror.server.until(() => mirror.server.active() === 0)
  })

  it('from a commit that the server does not know is unavailable', async () => {
    expect(await fetched({}, mirror.location.bundle(UNKNOWN))).toMatchObject({ outcome: 'unavailable' })
  })

  it('from a server that is not there is unavailable', async () => {
    const gone = await startScriptedServer(() => ({ status: 204, headers: {} }))
    await gone.close()
    const { outcome, log } = await fetched({}, new URL(gone.url))
    expect(outcome).toBe('unavailable')
    expect(log[0]).toContain('ECONNREFUSED')
  })

  it('that cannot be written is unavailable, and its connection ended', async () => {
    const { options, log } = optionsFor(mirror)
    const file = join(temporary(), 'no', 'such', 'directory')
    expect(await fetchBundle(mirror.location.bundle(mirror.base), { ...options, file })).toBe('unavailable')
    expect(log[0]).toContain('ENOENT')
    await mirror.server.until(() => mirror.server.active() === 0)
  })

  it('that is no longer wanted ends with the reason, and leaves no file and no line', async () => {
    mirror.fault = { stallAfter: 20 }
    const cancel = new AbortController()
    const { options, log } = optionsFor(mirror, { signal: cancel.signal })
    const file = join(temporary(), 'bundle')
    const fetching = fetchBundle(mirror.location.bundle(mirror.base), { ...options, file })
    await mirror.server.until(
      () => mirror.server.active() === 1 && mirror.server.log.at(-1)?.bytesSent === 20,
    )
    cancel.abort(new Error('the commit is there already'))
    await expect(fetching).rejects.toThrow('the commit is there already')
    expect({ there: existsSync(file), log }).toEqual({ there: false, log: [] })
    await mirror.server.until(() => mirror.server.active() === 0)
  })
})
