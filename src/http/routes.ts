import { type LookupFunction, Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import type { Environment } from '../environment.ts'
import type { Border } from './border.ts'
import { proxyFor } from './proxy.ts'
import { ReadBuffer } from './read-buffer.ts'
import { Agent, buildConnector, Pool, ProxyAgent } from './undici.ts'

export interface RouteOptions {
  /** Where the proxy variables are. */
  readonly env: Environment
  /** A tunnel has as long to be opened by a proxy that was reached, and its target as long for TLS. */
  readonly connectTimeoutMs: number
  /** Connections to one origin: with no limit, a request that follows another at once would open one more. */
  readonly connections: number
}

export interface Route {
  readonly dispatcher: Dispatcher
  /** Undefined where the way is a direct one. */
  readonly proxy: URL | undefined
}

/** HTTP/2 is off: over one TCP connection, parallel ranges would not be parallel. */
const AGENT_OPTIONS = { allowH2: false, pipelining: 1, maxHeaderSize: 16 * 1024 } as const

/** The ways to servers: directly, within the border where a redirect leads elsewhere, or through a proxy. */
export class Routes {
  readonly #options: RouteOptions
  readonly #border: Border
  readonly #home: Agent
  readonly #abroad: Agent
  readonly #proxies = new Map<string, ProxyAgent>()
  readonly #begun = new Set<Socket>()

  constructor(options: RouteOptions, border: Border) {
    const { connections, connectTimeoutMs: timeout } = options
    this.#options = options
    this.#border = border
    const connect = (given: ConnectOptions): buildConnector.connector => this.#watched(connector(given))
    this.#home = new Agent({ ...AGENT_OPTIONS, connections, connect: connect({ timeout }) })
    const abroad = connect({ timeout, lookup: border.lookup })
    this.#abroad = new Agent({ ...AGENT_OPTIONS, connections, connect: abroad })
  }

  to(url: URL): Route {
    const proxy = proxyFor(url, this.#options.env)
    if (proxy !== undefined) return { dispatcher: this.#through(proxy), proxy }
    return { dispatcher: this.#border.isHome(url) ? this.#home : this.#abroad, proxy }
  }

  async close(): Promise<void> {
    const agents = [this.#home, this.#abroad, ...this.#proxies.values()]
    await Promise.all(agents.map((agent) => agent.destroy()))
    for (const socket of this.#begun) socket.destroy(new Error('the connection is not wanted any more'))
  }

  /** An agent that is destroyed waits for nobody, but leaves a connection that is begun to its timeout. */
  #watched(connect: buildConnector.connector): buildConnector.connector {
    return (target, callback) => {
      const socket: Socket = connect(target, (...outcome) => {
        this.#begun.delete(socket)
        callback(...outcome)
      }) as never
      // Through a proxy, a connection to an https target is a promise: its socket is one to the proxy.
      if (socket instanceof Socket) this.#begun.add(socket)
    }
  }

  #through(proxy: URL): ProxyAgent {
    const { connections, connectTimeoutMs: connectTimeout } = this.#options
    const pools = { clientFactory: this.#watchedPool, factory: this.#watchedPool }
    const agent =
      this.#proxies.get(proxy.href) ??
      new ProxyAgent({ ...AGENT_OPTIONS, ...pools, connections, uri: proxy.href, connectTimeout })
    this.#proxies.set(proxy.href, agent)
    return agent
  }

  /** Where a pool is given a connector alone, its limits are missing. Requests have their own in place of the time. */
  readonly #watchedPool = (origin: string | URL, given: object): Pool => {
    const { connect } = given as { readonly connect: buildConnector.connector }
    const { connections, connectTimeoutMs: headersTimeout } = this.#options
    return new Pool(origin, { connections, ...given, headersTimeout, connect: this.#watched(connect) })
  }
}

interface ConnectOptions {
  readonly timeout: number
  readonly lookup?: LookupFunction
}

function connector(given: ConnectOptions): buildConnector.connector {
  const options = { ...given, allowH2: false }
  const secure = buildConnector(options)
  return (target, callback) => {
    if (target.protocol === 'https:') return secure(target, callback)
    const reads = new ReadBuffer()
    const plain = buildConnector({
      ...options,
      highWaterMark: ReadBuffer.highWaterMark,
      onread: reads.onread,
    } as buildConnector.BuildOptions)
    const socket: Socket = plain(target, callback) as never
    reads.attach(socket)
    return socket
  }
}
