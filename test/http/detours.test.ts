import { describe, expect, it } from 'vitest'
import { Detours } from '../../src/http/detours.ts'
import type { Reply } from '../../src/http/exchange.ts'
import { deferred } from '../support/deferred.ts'

const HOME = new URL('https://a.example/x')

/** Replies as a redirecting server and a store would give them; signatures up to `expired` are no longer good. */
class Signed {
  expired = 0
  issued = 0
  readonly asked: string[] = []
  readonly dropped: string[] = []

  readonly follow = async (url: URL): Promise<Reply> => {
    this.asked.push(url.href)
    if (url.href !== HOME.href) return this.#reply(url)
    this.issued += 1
    return this.#reply(new URL(`https://store.example/${this.issued}`))
  }

  #reply(url: URL): Reply {
    const status = Number(url.pathname.slice(1)) <= this.expired ? 403 : 206
    const drop = (): void => void this.dropped.push(url.href)
    return {
      url,
      status,
      drop,
      header: () => undefined,
      read: async () => {},
      pause: () => {},
      resume: () => {},
    }
  }
}

describe('an address that a redirect led to', () => {
  it('is asked itself as long as it is good', async () => {
    const signed = new Signed()
    const detours = new Detours()
    const { url } = await detours.get(HOME, signed.follow)
    await detours.get(url, signed.follow)
    expect(signed.asked).toEqual([HOME.href, 'https://store.example/1'])
  })

  it('is found anew once it has expired, and again when that one has', async () => {
    const signed = new Signed()
    const detours = new Detours()
    const { url } = await detours.get(HOME, signed.follow)
    signed.expired = 1
    expect(await detours.get(url, signed.follow)).toMatchObject({ status: 206, url: { pathname: '/2' } })
    signed.expired = 2
    expect(await detours.get(url, signed.follow)).toMatchObject({ status: 206, url: { pathname: '/3' } })
    expect(signed.dropped).toEqual(['https://store.example/1', 'https://store.example/2'])
  })

  it('is found anew by one, and the others wait for that', async () => {
    const signed = new Signed()
    const detours = new Detours()
    const { url } = await detours.get(HOME, signed.follow)
    signed.expired = 1
    const replies = await Promise.all(Array.from({ length: 8 }, () => detours.get(url, signed.follow)))
    expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(206))
    expect(signed.issued).toBe(2)
  })

  it('is found anew by the next one, where the first could not', async () => {
    const signed = new Signed()
    const detours = new Detours()
    const { url } = await detours.get(HOME, signed.follow)
    signed.expired = 1
    const broken = deferred<Reply>()
    const first = detours.get(url, (place) =>
      place.href === HOME.href ? broken.promise : signed.follow(place),
    )
    const second = detours.get(url, signed.follow)
    broken.reject(new Error('broken'))
    await expect(first).rejects.toThrow('broken')
    expect(await second).toMatchObject({ status: 206 })
  })

  it('answers as it does where a new one is not let in either', async () => {
    const signed = new Signed()
    const detours = new Detours()
    const { url } = await detours.get(HOME, signed.follow)
    signed.expired = 9
    expect(await detours.get(url, signed.follow)).toMatchObject({ status: 403, url: { pathname: '/2' } })
    expect(signed.issued).toBe(2)
  })

  it('is nothing that a URL which was asked for itself has', async () => {
    const signed = new Signed()
    signed.expired = 9
    const url = new URL('https://store.example/1')
    expect(await new Detours().get(url, signed.follow)).toMatchObject({ status: 403 })
    expect(signed.asked).toEqual([url.href])
  })
})
