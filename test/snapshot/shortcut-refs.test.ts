import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ensureRefs } from '../../src/snapshot/shortcut.ts'
import { never } from '../support/deferred.ts'
import type { Fault } from '../support/fault.ts'
import { startScriptedServer } from '../support/scripted-server.ts'
import { type Changes, optionsFor, TOKEN, UNKNOWN, useMirror } from './mirror.ts'

const mirror = useMirror()

async function askFor(commit: string, changes: Changes = {}, url = mirror.location.ensureRefs) {
  const { options, log } = optionsFor(mirror, changes)
  return { outcome: await ensureRefs(url, commit, options), log }
}

describe('the server’s mirror', () => {
  it('has a commit, or has it not', async () => {
    expect(await askFor(mirror.newest)).toEqual({ outcome: 'present', log: [] })
    expect(await askFor(UNKNOWN)).toEqual({ outcome: 'missing', log: [] })
  })

  it('is asked for one commit by a POST of JSON, with the server’s secrets', async () => {
    const bodies: string[] = []
    const recorder = await startScriptedServer(async (request) => {
      bodies.push(await text(request))
      return { status: 200, headers: {}, body: [Buffer.from('{"fetched":true}')] }
    })
    onTestFinished(() => recorder.close())
    await askFor(mirror.newest, {}, new URL('/ensure-refs', recorder.url))
    expect(bodies).toEqual([`{"commits":["${mirror.newest}"]}`])
    expect(recorder.log[0]).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': String(bodies[0]?.length) },
    })
    const before = mirror.server.log.length
    await askFor(mirror.newest)
    expect(mirror.server.log[before]).toMatchObject({ method: 'POST', headers: { authorization: TOKEN } })
  })

  it.each([
    ['present', '{"fetched":false}'],
    ['present', `{"missing_commits":["${UNKNOWN}"],"fetched":true}`],
    ['missing', '{"missing_commits":["COMMIT"],"fetched":true}'],
  ])('has a commit %s by the answer %s', async (outcome, body) => {
    mirror.fault = { status: 200, body: body.replace('COMMIT', mirror.newest) }
    expect(await askFor(mirror.newest)).toEqual({ outcome, log: [] })
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
    mirror.fault = what
    const { outcome, log } = await askFor(mirror.newest, changes)
    expect(outcome).toBe('unavailable')
    expect(log).toEqual([expect.stringContaining(`no word from the server on ${mirror.newest}: `)])
    expect(log[0]).toContain(why)
    expect(log[0]).not.toContain('s3cret')
    await mirror.server.until(() => mirror.server.active() === 0)
  })

  it('is no longer asked when the answer is no longer wanted', async () => {
    mirror.fault = { hold: never }
    const cancel = new AbortController()
    const { options, log } = optionsFor(mirror, { signal: cancel.signal })
    const asking = ensureRefs(mirror.location.ensureRefs, mirror.newest, options)
    await mirror.server.until(() => mirror.server.active() === 1)
    cancel.abort(new Error('the commit is there already'))
    await expect(asking).rejects.toThrow('the commit is there already')
    expect(log).toEqual([])
    await mirror.server.until(() => mirror.server.active() === 0)
  })
})
