import type { HttpClient } from '../../src/http/client.ts'
import type { Reply } from '../../src/http/exchange.ts'

type Client = Pick<HttpClient, 'get'>

/** Notes what a client is asked for, and how many requests run at a time: until the body's end, or its drop. */
export class Observer {
  /** The range of each request as it is sent, half-open; `end` is Infinity for none. */
  readonly asked: { readonly start: number; readonly end: number }[] = []
  active = 0
  maxActive = 0
  readonly #onAsk: (seen: Observer) => void

  constructor(onAsk: (seen: Observer) => void = () => {}) {
    this.#onAsk = onAsk
  }

  readonly observe = (client: Client): Client => ({
    get: async (url, options) => {
      const finished = this.#begin(options.headers.range ?? '')
      try {
        return watched(await client.get(url, options), finished)
      } catch (error) {
        finished()
        throw error
      }
    },
  })

  /** Notes a request; to be called when it is over. */
  #begin(range: string): () => void {
    const [, start = '0', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? []
    const end = last === '' ? Number.POSITIVE_INFINITY : Number(last) + 1
    this.asked.push({ start: Number(start), end })
    this.active += 1
    this.maxActive = Math.max(this.maxActive, this.active)
    this.#onAsk(this)
    let over = false
    return () => {
      if (!over) this.active -= 1
      over = true
    }
  }
}

function watched(reply: Reply, finished: () => void): Reply {
  return {
    url: reply.url,
    status: reply.status,
    header: (name) => reply.header(name),
    read: (take) => reply.read(take).finally(finished),
    pause: () => reply.pause(),
    resume: () => reply.resume(),
    drop: (reason) => {
      reply.drop(reason)
      finished()
    },
  }
}
