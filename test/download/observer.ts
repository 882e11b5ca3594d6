import type { HttpClient } from '../../src/http/client.ts'
import type { Reply } from '../../src/http/exchange.ts'

export interface Observed {
  readonly client: Pick<HttpClient, 'get'>
  /** The range of each request as it is sent, half-open; `end` is Infinity for none. */
  readonly asked: { readonly start: number; readonly end: number }[]
  active: number
  maxActive: number
}

/** A client that notes what is asked for, and how many requests run at a time: until the body's end, or its drop. */
export function observed(client: Pick<HttpClient, 'get'>, onAsk: () => void = () => {}): Observed {
  const observer: Observed = { asked: [], active: 0, maxActive: 0, client: { get } }

  async function get(...[url, options]: Parameters<HttpClient['get']>): Promise<Reply> {
    const [, start = '0', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(options.headers.range ?? '') ?? []
    const end = last === '' ? Number.POSITIVE_INFINITY : Number(last) + 1
    observer.asked.push({ start: Number(start), end })
    observer.active += 1
    observer.maxActive = Math.max(observer.maxActive, observer.active)
    onAsk()
    let over = false
    const finished = (): void => {
      if (!over) observer.active -= 1
      over = true
    }
    try {
      const reply = await client.get(url, options)
      return watched(reply, finished)
    } catch (error) {
      finished()
      throw error
    }
  }

  return observer
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
