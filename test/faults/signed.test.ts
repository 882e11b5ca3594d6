import { describe, expect, it } from 'vitest'
import type { Fault } from '../support/fault.ts'
import type { ObjectServer } from '../support/object-server.ts'
import { CONCURRENCIES, OBJECT, obtain, PARALLEL, QUERY, serve } from './fixture.ts'

describe('an address that was signed for a time', () => {
  /** Redirects to the store, with another signature each time. */
  function serveHome(store: ObjectServer): Promise<ObjectServer & { place: string }> {
    return serve({
      fault: ({ index }) => ({ redirect: `${store.url}/object?sig=s1gnature${index + 1}` }),
    })
  }

  const signatureIn = (query: string): number => Number(/sig=s1gnature(\d+)/.exec(query)?.[1])

  /** A store whose signatures are good for so many requests, until there is a newer one, and who gives them. */
  async function serveSigned(goodFor: number, renewed?: Fault) {
    const used = [0]
    const store = await serve({
      fault: ({ query }) => {
        const signature = signatureIn(query)
        used[signature] = (used[signature] ?? 0) + 1
        if (signature < home.log.length || (used[signature] ?? 0) > goodFor)
          return { status: 403, body: 'Request has expired' }
        return signature > 1 ? renewed : undefined
      },
    })
    const home: ObjectServer & { place: string } = await serveHome(store)
    return { home, store }
  }

  it.each(PARALLEL)(
    'F055: is led anew to the same object, once for all who need it (concurrency %i)',
    async (concurrency) => {
      const { home, store } = await serveSigned(4)
      const obtained = await obtain(home.place, { concurrency })
      expect(obtained).toMatchObject({ outcome: 'OK', delays: [] })
      expect(obtained.bytes).toEqual(OBJECT)
      expect(home.log).toHaveLength(2)
      expect(store.log.filter(({ status }) => status === 206)).toHaveLength(6)
    },
  )

  it.each(CONCURRENCIES)('F055: is led anew where a body broke off (concurrency %i)', async (concurrency) => {
    let isBroken = false
    const store = await serve({
      fault: ({ query, start }) => {
        if (signatureIn(query) !== (isBroken ? 2 : 1)) return { status: 403 }
        if (isBroken || start !== 0) return undefined
        isBroken = true
        return { resetAfter: 1000 }
      },
    })
    const home = await serveHome(store)
    const obtained = await obtain(home.place, { concurrency })
    expect(obtained.outcome).toBe('OK')
    expect(obtained.bytes).toEqual(OBJECT)
    expect(obtained.delays).toHaveLength(1)
    expect(home.log).toHaveLength(2)
  })

  it.each([
    ['another ETag', { etag: '"v2"' }],
    ['another size', { total: OBJECT.length + 1 }],
    ['nothing that fits the pin', { status: 412 }],
  ])('F055: is led anew to %s, which is another snapshot', async (_, fault) => {
    for (const concurrency of PARALLEL) {
      const { home } = await serveSigned(3, fault)
      const obtained = await obtain(home.place, { concurrency })
      expect(obtained.outcome).toBe('SNAPSHOT_CHANGED')
    }
  })

  it.each(PARALLEL)(
    'F055: that is not let in when it is renewed either is denied (concurrency %i)',
    async (concurrency) => {
      const { home } = await serveSigned(3, { status: 403 })
      const obtained = await obtain(home.place, { concurrency })
      expect(obtained.outcome).toBe('ACCESS_DENIED')
      expect(obtained.words).toContain('answered 403')
    },
  )

  it('F055: that was given as it is has nowhere to be renewed', async () => {
    const server = await serve({ fault: ({ index }) => (index > 2 ? { status: 403 } : undefined) })
    const obtained = await obtain(`${server.url}/object${QUERY}`, { concurrency: 2 })
    expect(obtained.outcome).toBe('ACCESS_DENIED')
  })
})
