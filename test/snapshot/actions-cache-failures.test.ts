import { describe, expect, it, onTestFinished } from 'vitest'
import type { PostOptions } from '../../src/http/client.ts'
import { lookUp } from '../../src/snapshot/actions-cache.ts'
import type { CacheService } from '../support/cache-service.ts'
import { never } from '../support/deferred.ts'
import type { Fault } from '../support/fault.ts'
import { startScriptedServer } from '../support/scripted-server.ts'
import { type Changes, EMPTY_STORE, failureOf, key, lookup, startCached } from './cached-entries.ts'

describe('an answer is refused', () => {
  const saying = (body: object): Fault => ({ body: JSON.stringify(body) })
  const found = (matched_key: string, signed_download_url = 'http://127.0.0.1:9/blob?sig=s1gnature'): Fault =>
    saying({ ok: true, signed_download_url, matched_key })

  it.each<[string, string]>([
    ['of actions/cache', 'npm-Linux-0123456789'],
    ['of another repository', key({ owner: 'else' })],
    ['of another branch', key({ branch: 'main-2' })],
    ['of another case of the branch', key({ branch: 'Main' })],
    ['without a history', key({ kind: 'shallow' })],
    ['whose key only begins well', `${key()}:x`],
    ['whose key has no commit', key().slice(0, -40)],
    ['whose key is a command', '::add-mask::x'],
  ])('that gives an entry %s', async (_, matched) => {
    const { code, words } = await failureOf((await start({ fault: () => found(matched) })).find())
    expect(code).toBe('PROTOCOL_ERROR')
    expect(words).toContain('which was not asked for')
    expect(words).not.toContain('::')
  })

  it.each<[string, Fault, string]>([
    ['is a page', { body: '<html>' }, 'did not answer as the Actions cache does'],
    [
      'breaks off in an address',
      { body: '{"signed_download_url":"?sig=s1gnature' },
      'did not answer as the Actions',
    ],
    ['is empty', { body: '' }, 'did not answer as the Actions cache does'],
    ['is null', { body: 'null' }, 'did not answer as the Actions cache does'],
    ['says nothing', saying({}), 'did not answer as the Actions cache does'],
    ['has no address', saying({ ok: true, matched_key: key() }), 'did not answer as the Actions cache does'],
    ['has no key', saying({ ok: true, signed_download_url: 'http://127.0.0.1' }), 'did not answer as'],
    ['has an address that is none', found(key(), 'blob?sig=s1gnature'), 'an address that is no URL'],
    ['has the address of a file', found(key(), 'file:///etc/passwd?s1gnature'), 'begins with file:'],
    ['has an address with a password', found(key(), 'http://x:s3cret@127.0.0.1/'), 'with a user name'],
    ['is too long', { body: ' '.repeat(65_537) }, 'sends more than 65536 bytes'],
    [
      'is encoded',
      { ...saying({ ok: false }), headers: { 'content-encoding': 'gzip' } },
      'Content-Encoding gzip',
    ],
  ])('that %s', async (_, fault, what) => {
    const { code, words } = await failureOf((await start({ fault: () => fault })).find())
    expect(code).toMatch(/^(PROTOCOL_ERROR|LIMIT_EXCEEDED)$/)
    expect(words).toContain(what)
  })

  it('that leads from https to http', async () => {
    const cached = await start()
    cached.save(key())
    const { client, service } = cached.options
    const lookupUrl = new URL(service.lookupUrl.href.replace('http:', 'https:'))
    const options = {
      ...cached.options,
      service: { ...service, lookupUrl },
      client: { post: (_: URL, question: PostOptions) => client.post(service.lookupUrl, question) },
    }
    expect(await failureOf(lookUp(lookup(), options))).toMatchObject({
      code: 'PROTOCOL_ERROR',
      words: expect.stringContaining('begins with http:'),
    })
  })
})

describe('a service that gives no answer', () => {
  it.each<[string, Fault, string, string, number]>([
    ['knows no such token', { status: 401 }, 'ACCESS_DENIED', 'does not let it read', 1],
    ['refuses', { status: 403 }, 'ACCESS_DENIED', 'does not let it read', 1],
    ['is none', { status: 404 }, 'NOT_FOUND', 'it is no Actions cache', 1],
    ['does not take the question', { status: 400 }, 'PROTOCOL_ERROR', 'answered 400', 1],
    [
      'has had enough',
      { status: 429, headers: { 'retry-after': '7' } },
      'RATE_LIMITED',
      'asks to wait 7 s',
      2,
    ],
    ['has failed', { status: 500 }, 'SERVER_ERROR', 'answered 500', 2],
    ['is away', { status: 503 }, 'SERVER_ERROR', 'answered 503', 2],
    ['ends the connection', { drop: 'reset' }, 'CONNECTION_FAILED', 'request for', 2],
    ['leads elsewhere', { status: 302, redirect: '/else' }, 'BAD_REDIRECT', 'by 302', 1],
  ])('%s', async (_, fault, code, what, requests) => {
    const cached = await start({ fault: () => fault })
    const failure = await failureOf(cached.find())
    expect(failure).toMatchObject({ code, words: expect.stringContaining(what) })
    expect(cached.service.log).toHaveLength(requests)
    expect(cached.retried).toHaveLength(requests - 1)
    await noneIsOpen(cached.service)
  })

  it('once, is asked once more', async () => {
    const cached = await start({ fault: ({ index }) => (index === 0 ? { status: 500 } : undefined) })
    cached.save(key())
    expect(await cached.find()).toMatchObject({ key: key() })
  })

  it.each<[string, Fault]>([
    ['is silent', { hold: never }],
    ['never ends its answer', { body: '{"ok":false}', stallAfter: 3 }],
    ['drips', { body: ' '.repeat(60_000), drip: { everyMs: 5 } }],
  ])('and %s is given up', async (_, fault) => {
    const cached = await start({ fault: () => fault, timeoutMs: 50 })
    expect(await failureOf(cached.find())).toMatchObject({
      code: 'TIMEOUT',
      words: expect.stringContaining('did not answer within 0.05 s'),
    })
    expect(cached.service.log).toHaveLength(1)
    await noneIsOpen(cached.service)
  })

  it('is no longer asked once nobody wants to know', async () => {
    const cancel = new AbortController()
    const cached = await start({ fault: () => ({ hold: never }), signal: cancel.signal })
    const finding = cached.find()
    await cached.service.until(() => cached.service.active() === 1)
    cancel.abort(new Error('cancelled'))
    await expect(finding).rejects.toThrow('cancelled')
    await noneIsOpen(cached.service)
  })

  it('is down', async () => {
    const cached = await start()
    await cached.service.close()
    expect(await failureOf(cached.find())).toMatchObject({ code: 'CONNECTION_FAILED' })
  })

  it('and sends the question elsewhere is not followed, with the token neither', async () => {
    const other = await startScriptedServer(() => ({ status: 200, headers: {} }))
    onTestFinished(() => other.close())
    const cached = await start({ fault: () => ({ status: 307, redirect: `${other.url}/twirp` }) })
    expect(await failureOf(cached.find())).toMatchObject({ code: 'BAD_REDIRECT' })
    expect(other.log).toEqual([])
  })
})

function start(changes?: Changes) {
  return startCached(EMPTY_STORE, changes)
}

async function noneIsOpen(service: CacheService): Promise<void> {
  await service.until(() => service.active() === 0)
}
