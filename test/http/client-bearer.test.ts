import { describe, expect, it } from 'vitest'
import type { Bearer } from '../../src/http/client.ts'
import { deferred, never } from '../support/deferred.ts'
import { asking } from '../support/http-client.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { BYTES, bodyOf, clientFor, failureOf, get, serve } from './fixture.ts'

/** Gives one token after the other, and the next one where one is refused. */
function tokens(...all: readonly string[]): Bearer {
  let at = 0
  return {
    token: async () => all[at] ?? '',
    renewed: async (refused) => {
      if (refused === all[at]) at += 1
      return all[at] ?? ''
    },
  }
}

/** Lets in whoever has the token. */
function takes(token: string): FaultScript {
  return ({ headers }) => (headers.authorization === `Bearer ${token}` ? undefined : { status: 401 })
}

function clientWith(bearer: Bearer, address: string) {
  return clientFor(address, {
    secrets: { origin: new URL(address).origin, headers: { 'x-key': 'k' }, bearer },
  })
}

describe('a token', () => {
  it('goes to the server beside its other headers', async () => {
    const server = await serve({ fault: takes('one') })
    const client = clientWith(tokens('one'), server.url)
    expect(await bodyOf(await get(client, `${server.url}/x`))).toBe(BYTES.toString())
    expect(server.log).toMatchObject([{ headers: { authorization: 'Bearer one', 'x-key': 'k' } }])
  })

  it('that is refused is replaced, for the same request and for those to come', async () => {
    const server = await serve({ fault: takes('two') })
    const client = clientWith(tokens('one', 'two'), server.url)
    for (let time = 0; time < 2; time += 1) await bodyOf(await get(client, `${server.url}/x`))
    expect(server.log.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer one',
      'Bearer two',
      'Bearer two',
    ])
  })

  it('is replaced once: where the new one is refused too, that is the reply', async () => {
    const server = await serve({ fault: takes('nobody') })
    const reply = await get(clientWith(tokens('one', 'two', 'three'), server.url), `${server.url}/x`)
    expect(reply.status).toBe(401)
    reply.drop()
    expect(server.log).toHaveLength(2)
  })

  it('is replaced for a question with a body, too', async () => {
    const server = await serve({ fault: takes('two') })
    const client = clientWith(tokens('one', 'two'), server.url)
    const reply = await client.post(new URL(`${server.url}/x`), { ...asking(), body: '{}' })
    expect(reply.status).toBe(200)
    reply.drop()
    expect(server.log.map(({ method }) => method)).toEqual(['POST', 'POST'])
  })

  it('never goes where a redirect leads, and a refusal there renews nothing', async () => {
    const other = await serve({ fault: () => ({ status: 401 }) })
    const server = await serve({ fault: () => ({ redirect: `${other.url}/there` }) })
    const reply = await get(clientWith(tokens('one', 'two'), server.url), `${server.url}/x`)
    expect(reply.status).toBe(401)
    reply.drop()
    expect(server.log).toHaveLength(1)
    expect(other.log).toHaveLength(1)
    expect(other.log[0]?.headers).not.toHaveProperty('authorization')
    expect(other.log[0]?.headers).not.toHaveProperty('x-key')
  })

  it.each(['token', 'renewed'] as const)(
    'is not waited for by a request that is cancelled: %s',
    async (which) => {
      const server = await serve({ fault: takes('two') })
      const [reached, cancelled] = [deferred(), new AbortController()]
      const waiting = () => {
        reached.resolve()
        return never
      }
      const client = clientWith({ ...tokens('one', 'two'), [which]: waiting }, server.url)
      const reply = get(client, `${server.url}/x`, { signal: cancelled.signal })
      await reached.promise
      cancelled.abort(new Error('cancelled'))
      expect((await failureOf(reply)).text).toBe('cancelled')
    },
  )

  it('is not waited for by a request that was cancelled before it', async () => {
    const server = await serve()
    const bearer = { token: () => never, renewed: async () => '' }
    const signal = AbortSignal.abort(new Error('cancelled'))
    const reply = get(clientWith(bearer, server.url), `${server.url}/x`, { signal })
    expect((await failureOf(reply)).text).toBe('cancelled')
  })

  it('that cannot be had is what the request fails with, and nobody is asked', async () => {
    const server = await serve()
    const bearer = { token: () => Promise.reject(new Error('no token')), renewed: async () => '' }
    expect((await failureOf(get(clientWith(bearer, server.url), `${server.url}/x`))).text).toBe('no token')
    expect(server.log).toEqual([])
  })
})
