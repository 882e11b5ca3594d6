import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { freePort } from '../support/child-server.ts'
import { listen } from '../support/listening.ts'
import { blackHole } from './black-hole.ts'
import { CONCURRENCIES, OBJECT, obtain, QUERY, serve, sum } from './fixture.ts'
import { nameServer } from './names.ts'
import { type ConnectionFault, startRelay } from './relay.ts'

const NAME = 'snapshots.test'
const at = (host: string, port: number | string): string => `http://${host}:${port}/x${QUERY}`

describe.each(CONCURRENCIES)('with concurrency %i', (concurrency) => {
  it('F001: refused at first, then there, is asked again', async () => {
    const server = await serve()
    const port = await freePort()
    const url = at('127.0.0.1', port)
    const meanwhile = async (waits: number): Promise<void> => {
      if (waits === 3) await startRelay(server.url, { port })
    }
    const obtained = await obtain(url, { concurrency, meanwhile })
    expect(obtained).toMatchObject({ outcome: 'OK', words: '' })
    expect(obtained.bytes).toEqual(OBJECT)
    expect(obtained.delays).toHaveLength(3)
  })

  it('F002: refused for ever fails after as many attempts as there may be', async () => {
    const port = await freePort()
    const obtained = await obtain(at('127.0.0.1', port), { concurrency, retries: 4 })
    expect(obtained).toMatchObject({ outcome: 'CONNECTION_FAILED', requests: 5 })
    expect(obtained.words).toContain(
      `gave up after 5 attempts: request for http://127.0.0.1:${port}/x failed`,
    )
    expect(obtained.words).toContain('ECONNREFUSED')
  })

  it('F002: refused for ever fails before the deadline of the whole, however many attempts are left', async () => {
    const port = await freePort()
    const obtained = await obtain(at('127.0.0.1', port), { concurrency, retries: 9, deadlineMs: 600 })
    expect(obtained.outcome).toBe('CONNECTION_FAILED')
    expect(sum(obtained.delays.slice(0, -1))).toBeLessThan(600)
    expect(obtained.requests).toBeLessThan(10)
  })

  it('F003: a name that is not found is asked for three times in all, and the words tell where to look', async () => {
    const lookups = nameServer({ [NAME]: 'ENOTFOUND' })
    const obtained = await obtain(at(NAME, 80), { concurrency })
    expect(obtained).toMatchObject({ outcome: 'CONNECTION_FAILED', requests: 3 })
    expect(obtained.words).toContain(`check the name ${NAME} and the runner's network`)
    expect(obtained.words).toContain('ENOTFOUND')
    expect(lookups[NAME]).toBe(3)
  })

  it('F004: a name that cannot be looked up for a moment is asked for again', async () => {
    const server = await serve()
    nameServer({ [NAME]: (before) => (before < 2 ? 'EAI_AGAIN' : ['127.0.0.1']) })
    const obtained = await obtain(at(NAME, new URL(server.url).port), { concurrency })
    expect(obtained.outcome).toBe('OK')
    expect(obtained.bytes).toEqual(OBJECT)
    expect(obtained.delays).toHaveLength(2)
  })

  it.skipIf(process.platform !== 'linux')(
    'F005: a connection that nothing answers is given up in time, and asked for again',
    async () => {
      const port = await blackHole()
      const asking = { concurrency, retries: 1, connectTimeoutMs: 200 }
      const obtained = await obtain(at('127.0.0.1', port), asking)
      expect(obtained).toMatchObject({ outcome: 'CONNECTION_FAILED', requests: 2 })
      expect(obtained.words).toContain('Connect Timeout')
    },
  )

  it.each<[string, string, string[]]>([
    ['F006', 'one of two addresses refuses', ['127.0.0.2', '127.0.0.1']],
    ['F006', 'one of two addresses refuses, whichever comes first', ['127.0.0.1', '127.0.0.2']],
    ['F007', 'IPv6 leads nowhere', ['100::1', '127.0.0.1']],
    ['F007', 'nobody listens at the IPv6 address', ['::1', '127.0.0.1']],
  ])('%s: %s, and the other address answers', async (_, __, addresses) => {
    const server = await serve()
    nameServer({ [NAME]: addresses })
    const obtained = await obtain(at(NAME, new URL(server.url).port), { concurrency })
    expect(obtained).toMatchObject({ outcome: 'OK', delays: [] })
    expect(obtained.bytes).toEqual(OBJECT)
  })

  it('F008: a TLS handshake that stalls is given up within the time to connect, and tried again', async () => {
    const port = await listen(createServer((socket) => socket.resume()))
    const asking = { concurrency, retries: 1, connectTimeoutMs: 200 }
    const obtained = await obtain(`https://127.0.0.1:${port}/x${QUERY}`, asking)
    expect(obtained).toMatchObject({ outcome: 'CONNECTION_FAILED', requests: 2 })
    expect(obtained.words).toContain('Connect Timeout')
  })

  it.each<[string, ConnectionFault]>([
    ['is reset when it is asked', 'reset'],
    ['ends when it is asked', 'end'],
  ])('F001: a connection that %s is made again', async (_, fault) => {
    const server = await serve()
    const relay = await startRelay(server.url, { fault: (index) => (index < 2 ? fault : undefined) })
    const obtained = await obtain(at('127.0.0.1', relay.port), { concurrency })
    expect(obtained.outcome).toBe('OK')
    expect(obtained.bytes).toEqual(OBJECT)
    expect(obtained.delays).toHaveLength(2)
  })
})
