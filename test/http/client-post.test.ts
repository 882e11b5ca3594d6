import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { GetOptions, HttpClient } from '../../src/http/client.ts'
import type { Reply } from '../../src/http/exchange.ts'
import { never } from '../support/deferred.ts'
import { asking } from '../support/http-client.ts'
import { type FaultScript, type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts'
import { bodyOf, clientFor, failureOf, SECRETS, SIGNED } from './fixture.ts'

describe('a request with a body', () => {
  const BODY = '{"commits":["\u00e9"]}'

  /** Answers with what it was sent. */
  async function echo(fault: FaultScript = () => undefined): Promise<ScriptedServer> {
    const answer = async (request: Parameters<typeof text>[0]) => ({
      status: 200,
      headers: {},
      body: [Buffer.from(await text(request))],
    })
    const server = await startScriptedServer(answer, fault)
    onTestFinished(() => server.close())
    return server
  }

  function post(client: HttpClient, url: string, wishes: Partial<GetOptions> = {}): Promise<Reply> {
    return client.post(new URL(url), { ...asking(wishes), body: BODY })
  }

  it('is a POST that announces its length and is otherwise as any other', async () => {
    const server = await echo()
    const headers = { 'content-type': 'application/json' }
    const reply = await post(clientFor(server.url), `${server.url}/x?y=1`, { headers })
    expect(await bodyOf(reply)).toBe(BODY)
    const { host, connection, ...sent } = server.log[0]?.headers ?? {}
    expect(sent).toEqual({
      'user-agent': 'git-snapshot',
      'accept-encoding': 'identity',
      ...headers,
      'content-length': String(Buffer.byteLength(BODY)),
      ...SECRETS,
    })
    expect(server.log[0]).toMatchObject({ method: 'POST', path: '/x', query: '?y=1' })
  })

  it('gives any status as a reply', async () => {
    const server = await echo(() => ({ status: 502, body: 'clone not ready' }))
    const reply = await post(clientFor(server.url), `${server.url}/x`)
    expect([reply.status, await bodyOf(reply)]).toEqual([502, 'clone not ready'])
  })

  it('is sent again where a redirect says so within the origin', async () => {
    const again = { status: 307, redirect: '/y' }
    const server = await echo(({ path }) => (path === '/x' ? again : undefined))
    const reply = await post(clientFor(server.url), `${server.url}/x`)
    expect(await bodyOf(reply)).toBe(BODY)
    expect(server.log.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /x', 'POST /y'])
    expect(server.log[1]?.headers).toMatchObject(SECRETS)
  })

  it('goes to no other origin', async () => {
    const other = await echo()
    const server = await echo(() => ({ status: 308, redirect: `${other.url}/y` }))
    expect(await failureOf(post(clientFor(server.url), `${server.url}/x${SIGNED}`))).toMatchObject({
      code: 'BAD_REDIRECT',
    })
    expect(other.log).toEqual([])
  })

  it('becomes no request without one', async () => {
    const server = await echo(() => ({ status: 303, redirect: '/y' }))
    const failure = await failureOf(post(clientFor(server.url), `${server.url}/x${SIGNED}`))
    expect(failure.code).toBe('BAD_REDIRECT')
    expect(server.log).toHaveLength(1)
  })

  it('ends at once when it is cancelled', async () => {
    const server = await echo(() => ({ hold: never }))
    const cancel = new AbortController()
    const posting = post(clientFor(server.url), `${server.url}/x`, { signal: cancel.signal })
    await server.until(() => server.active() === 1)
    cancel.abort(new Error('cancelled'))
    await expect(posting).rejects.toThrow('cancelled')
    await server.until(() => server.active() === 0)
  })
})
