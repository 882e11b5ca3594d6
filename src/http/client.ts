import { setFlagsFromString } from 'node:v8'
import { untilAborted } from '../until-aborted.ts'
import { Border } from './border.ts'
import { Detours } from './detours.ts'
import { Exchange, type Reply } from './exchange.ts'
import { redirectedError } from './failure.ts'
import { isRedirect, redirectTarget, repeatTarget } from './redirect.ts'
import { type RouteOptions, Routes } from './routes.ts'
import type { Tracer } from './tracer.ts'

export type Headers = Readonly<Record<string, string>>

/** What one origin is told: the one that was named. No other, which only a redirect leads to, hears of it. */
export interface Secrets {
  readonly origin: string
  readonly headers: Headers
  readonly bearer?: Bearer | undefined
}

/** Brings a token for the header Authorization, which holds for a while. */
export interface Bearer {
  token(): Promise<string>
  /** Another one than the one that was refused. */
  renewed(refused: string): Promise<string>
}

export interface ClientOptions extends RouteOptions {
  readonly secrets: Secrets
  /** Told of every request, where somebody wants to know. */
  readonly tracer?: Tracer | undefined
}

export interface GetOptions {
  readonly headers: Headers
  readonly headersTimeoutMs: number
  readonly signal: AbortSignal
}

export interface PostOptions extends GetOptions {
  readonly body: string
}

interface Request extends GetOptions {
  readonly method: 'GET' | 'POST'
  readonly body?: string
}

/** What has gone over the wire so far. */
export interface Traffic {
  readonly requests: number
  /** Body bytes received, repeats and dropped ones included. */
  readonly bytes: number
}

/** The one place that speaks HTTP. Close it, or its idle connections keep the process alive. */
export class HttpClient {
  readonly #secrets: Secrets
  readonly #tracer: Tracer | undefined
  readonly #border: Border
  readonly #routes: Routes
  readonly #detours = new Detours()
  readonly traffic = { requests: 0, bytes: 0 } satisfies Traffic

  constructor(options: ClientOptions) {
    // undici parses heads in WebAssembly: to optimise that takes 12 MiB and more time than it could ever save here.
    setFlagsFromString('--no-wasm-tier-up')
    this.#secrets = options.secrets
    this.#tracer = options.tracer
    this.#border = new Border(options.secrets.origin)
    this.#routes = new Routes(options, this.#border)
  }

  /**
   * One GET, redirects followed, and followed anew where one led to `url` before and that is no longer let in.
   * Rejects with a network error or an ActionError; any status is a reply.
   */
  get(url: URL, options: GetOptions): Promise<Reply> {
    const request = { ...options, method: 'GET' } as const
    return this.#detours.get(url, (place) => this.#follow(place, request, redirectTarget))
  }

  /** One POST, as `get`. Its body goes to this origin only, and as a POST only: other redirects are refused. */
  post(url: URL, options: PostOptions): Promise<Reply> {
    return this.#follow(url, { ...options, method: 'POST' }, repeatTarget)
  }

  close(): Promise<void> {
    return this.#routes.close()
  }

  async #follow(url: URL, request: Request, targetOf: (reply: Reply, hops: number) => URL): Promise<Reply> {
    let target = url
    for (let hops = 0; ; hops += 1) {
      const reply = await this.#ask(target, request).catch((error) => {
        throw hops === 0 || request.signal.aborted ? error : redirectedError(error, url)
      })
      if (!isRedirect(reply)) return reply
      reply.drop()
      target = targetOf(reply, hops)
      await this.#border.admit(target)
    }
  }

  /** One exchange; where its token is refused, once more with another one. */
  async #ask(url: URL, request: Request): Promise<Reply> {
    const { origin, headers: secrets, bearer } = this.#secrets
    if (url.origin !== origin) return this.#exchange(url, request)
    const headers = { ...secrets, ...request.headers }
    if (bearer === undefined) return this.#exchange(url, { ...request, headers })
    const exchange = (token: string): Promise<Reply> =>
      this.#exchange(url, { ...request, headers: { ...headers, authorization: `Bearer ${token}` } })
    const token = await untilAborted(bearer.token(), request.signal)
    const reply = await exchange(token)
    if (reply.status !== 401) return reply
    reply.drop()
    return exchange(await untilAborted(bearer.renewed(token), request.signal))
  }

  #exchange(url: URL, { method, headers, body, headersTimeoutMs, signal }: Request): Promise<Reply> {
    signal.throwIfAborted()
    const { dispatcher, proxy } = this.#routes.to(url)
    this.traffic.requests += 1
    const trace = this.#tracer?.begin({ method, url, range: headers.range })
    return new Promise((resolve, reject) => {
      const exchange = new Exchange({ url, proxy, signal, traffic: this.traffic, trace, resolve, reject })
      dispatcher.dispatch(
        {
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method,
          body: body ?? null,
          headers: {
            'user-agent': 'git-snapshot',
            'accept-encoding': 'identity',
            ...headers,
          },
          headersTimeout: headersTimeoutMs,
          bodyTimeout: 0,
        },
        exchange,
      )
    })
  }
}
