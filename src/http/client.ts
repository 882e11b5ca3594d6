import { setFlagsFromString } from 'node:v8'
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici'
import { Exchange, type Reply } from './exchange.ts'
import { proxyFor } from './proxy.ts'
import { ReadBuffer } from './read-buffer.ts'
import { isRedirect, redirectTarget, repeatTarget } from './redirect.ts'

export type Headers = Readonly<Record<string, string>>

export interface ClientOptions {
  /** Headers for this origin only: no other gets them, redirects included. */
  readonly secrets: { readonly origin: string; readonly headers: Headers }
  /** Where the proxy variables are. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly connectTimeoutMs: number
  /** Connections to one origin: with no limit, a request that follows another at once would open one more. */
  readonly connections: number
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
  readonly #options: ClientOptions
  readonly #direct: Agent
  readonly #proxies = new Map<string, ProxyAgent>()
  readonly traffic = { requests: 0, bytes: 0 } satisfies Traffic

  constructor(options: ClientOptions) {
    // undici parses heads in WebAssembly: to optimise that takes 12 MiB and more time than it could ever save here.
    setFlagsFromString('--no-wasm-tier-up')
    this.#options = options
    const { connections, connectTimeoutMs } = options
    this.#direct = new Agent({ ...AGENT_OPTIONS, connections, connect: connector(connectTimeoutMs) })
  }

  /** One GET, redirects followed. Rejects with a network error or an ActionError; any status is a reply. */
  get(url: URL, options: GetOptions): Promise<Reply> {
    return this.#follow(url, { ...options, method: 'GET' }, redirectTarget)
  }

  /** One POST, as `get`. Its body goes to this origin only, and as a POST only: other redirects are refused. */
  post(url: URL, options: PostOptions): Promise<Reply> {
    return this.#follow(url, { ...options, method: 'POST' }, repeatTarget)
  }

  async close(): Promise<void> {
    await Promise.all([this.#direct, ...this.#proxies.values()].map((agent) => agent.destroy()))
  }

  async #follow(url: URL, request: Request, targetOf: (reply: Reply, hops: number) => URL): Promise<Reply> {
    let target = url
    for (let hops = 0; ; hops += 1) {
      const reply = await this.#exchange(target, request)
      if (!isRedirect(reply)) return reply
      reply.drop()
      target = targetOf(reply, hops)
    }
  }

  #exchange(url: URL, { method, headers, body, headersTimeoutMs, signal }: Request): Promise<Reply> {
    signal.throwIfAborted()
    const { secrets } = this.#options
    const dispatcher = this.#dispatcherFor(url)
    this.traffic.requests += 1
    return new Promise((resolve, reject) => {
      const exchange = new Exchange({ url, signal, traffic: this.traffic, resolve, reject })
      dispatcher.dispatch(
        {
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method,
          body: body ?? null,
          headers: {
            'user-agent': 'git-snapshot',
            'accept-encoding': 'identity',
            ...(url.origin === secrets.origin ? secrets.headers : {}),
            ...headers,
          },
          headersTimeout: headersTimeoutMs,
          bodyTimeout: 0,
        },
        exchange,
      )
    })
  }

  #dispatcherFor(url: URL): Dispatcher {
    const proxy = proxyFor(url, this.#options.env)
    if (proxy === undefined) return this.#direct
    let agent = this.#proxies.get(proxy.href)
    if (agent === undefined) {
      agent = new ProxyAgent({
        ...AGENT_OPTIONS,
        connections: this.#options.connections,
        uri: proxy.href,
        connectTimeout: this.#options.connectTimeoutMs,
      })
      this.#proxies.set(proxy.href, agent)
    }
    return agent
  }
}

/** HTTP/2 is off: over one TCP connection, parallel ranges would not be parallel. */
const AGENT_OPTIONS = { allowH2: false, pipelining: 1, maxHeaderSize: 16 * 1024 } as const

function connector(timeoutMs: number): buildConnector.connector {
  const options = { timeout: timeoutMs, allowH2: false }
  const secure = buildConnector(options)
  return (target, callback) => {
    if (target.protocol === 'https:') return secure(target, callback)
    const reads = new ReadBuffer()
    const plain = buildConnector({
      ...options,
      highWaterMark: ReadBuffer.highWaterMark,
      onread: reads.onread,
    } as buildConnector.BuildOptions)
    reads.attach(plain(target, callback) as never)
  }
}
