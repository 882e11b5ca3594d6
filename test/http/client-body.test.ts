import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { deferred, never } from '../support/deferred.ts'
import { turns } from '../support/turns.ts'
import { BYTES, bodyOf, clientFor, failureOf, get, SIGNED, serve } from './fixture.ts'

describe('a body', () => {
  it('waits until it is read, in whole', async () => {
    const server = await serve()
    const reply = await get(clientFor(server.url), `${server.url}/x`)
    await server.until(() => server.active() === 0)
    expect(await bodyOf(reply)).toBe(BYTES.toString())
  })

  it('stops while it is paused, and goes on', async () => {
    const bytes = Buffer.alloc(8 * 2 ** 20, 'x')
    const server = await serve({ bytes })
    const client = clientFor(server.url)
    const reply = await get(client, `${server.url}/x`)
    const paused = deferred()
    let received = 0
    const reading = reply.read((piece) => {
      if (received === 0) {
        reply.pause()
        paused.resolve()
      }
      received += piece.length
    })
    await paused.promise
    const before = received
    await bodyOf(await get(client, `${server.url}/y`, { headers: { range: 'bytes=0-0' } }))
    expect(received).toBe(before)
    reply.resume()
    await reading
    expect(received).toBe(bytes.length)
  })

  it('that is dropped ends its connection, and who reads it gets the reason', async () => {
    const server = await serve({ fault: () => ({ pause: { after: 3, until: never } }) })
    const reply = await get(clientFor(server.url), `${server.url}/x`)
    const reason = new Error('no longer wanted')
    const reading = reply.read(() => reply.drop(reason))
    await expect(reading).rejects.toBe(reason)
    await server.until(() => server.active() === 0)
    reply.drop()
  })

  it('that is dropped by who is handed it brings nothing more, even where more came before it was read', async () => {
    const bytes = Buffer.alloc(2 ** 20, 'x')
    const server = await serve({ bytes, fault: () => ({ pause: { after: bytes.length - 1, until: never } }) })
    const client = clientFor(server.url)
    const reply = await get(client, `${server.url}/x`)
    reply.resume()
    while (client.traffic.bytes < bytes.length - 1) await turns()
    const reason = new Error('no longer wanted')
    let pieces = 0
    const reading = reply.read(() => {
      pieces += 1
      reply.drop(reason)
    })
    await expect(reading).rejects.toBe(reason)
    expect(pieces).toBe(1)
  })

  it('ends when the signal is aborted, with its reason, and listens no more', async () => {
    const server = await serve({ fault: () => ({ pause: { after: 3, until: never } }) })
    const cancel = new AbortController()
    const reply = await get(clientFor(server.url), `${server.url}/x`, { signal: cancel.signal })
    const reading = reply.read(() => cancel.abort(new Error('cancelled')))
    await expect(reading).rejects.toThrow('cancelled')
    await server.until(() => server.active() === 0)
    expect(getEventListeners(cancel.signal, 'abort')).toEqual([])
  })

  it('listens to the signal no more when it is complete or dropped', async () => {
    const server = await serve()
    const { signal } = new AbortController()
    const client = clientFor(server.url)
    await bodyOf(await get(client, `${server.url}/x`, { signal }))
    const dropped = await get(client, `${server.url}/x`, { signal })
    dropped.drop()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it.each([
    ['reset', { resetAfter: 3 }],
    ['ended early', { finAfter: 3 }],
    ['ended early without a length', { finAfter: 3, chunked: true as const }],
    [
      'ended early without a length on a connection that ends with it',
      { finAfter: 3, chunked: true as const, headers: { connection: 'close' } },
    ],
    ['ended early on a connection that ends with it', { finAfter: 3, headers: { connection: 'close' } }],
  ])('that is %s is a failure worth another attempt', async (_, fault) => {
    const server = await serve({ fault: () => fault })
    const reply = await get(clientFor(server.url), `${server.url}/x${SIGNED}`)
    const { code, text, worth } = await failureOf(bodyOf(reply))
    expect(code).toBe('CONNECTION_FAILED')
    expect(text).toContain(`${server.url}/x failed`)
    expect(worth).toBe(Number.POSITIVE_INFINITY)
  })
})
