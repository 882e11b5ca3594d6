import type { Reply } from './exchange.ts'

/** What servers answer at an address that was signed for a time which is over. */
const EXPIRED = new Set([400, 401, 403])

type Follow = (url: URL) => Promise<Reply>

/**
 * Where redirects have led: who goes on at such an address is led anew from where it was found, once its signature
 * has expired. It remembers one entry for each address that a redirect led to, renewed ones aside.
 */
export class Detours {
  readonly #byTarget = new Map<string, Detour>()

  /** A reply to `url`, which may be where an earlier redirect led; `follow` asks, and follows redirects. */
  async get(url: URL, follow: Follow): Promise<Reply> {
    const detour = this.#byTarget.get(url.href)
    if (detour !== undefined) return detour.get(follow)
    const reply = await follow(url)
    const { href } = reply.url
    if (href !== url.href && !this.#byTarget.has(href)) this.#byTarget.set(href, new Detour(url, reply.url))
    return reply
  }
}

class Detour {
  readonly #from: URL
  #to: URL
  /** Settled, and gone, when `#to` leads to an address that was good a moment ago, or could not be renewed. */
  #renewal: Promise<void> | undefined

  constructor(from: URL, to: URL) {
    this.#from = from
    this.#to = to
  }

  /** Whatever the renewed address answers is the reply: one renewal for one request. */
  async get(follow: Follow): Promise<Reply> {
    const asked = this.#to
    const reply = await follow(asked)
    if (!EXPIRED.has(reply.status)) return reply
    reply.drop()
    while (this.#renewal !== undefined) await this.#renewal
    return this.#to === asked ? this.#renew(follow) : follow(this.#to)
  }

  #renew(follow: Follow): Promise<Reply> {
    const renewed = follow(this.#from)
    const renewal = renewed.then(
      ({ url }) => {
        this.#to = url
        this.#renewal = undefined
      },
      () => {
        this.#renewal = undefined
      },
    )
    this.#renewal = renewal
    return renewed
  }
}
