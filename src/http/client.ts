import { setFlagsFromString } from 'node:v8'
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici'
import { ActionError } from '../errors.ts'
import { networkError, placeOf } from './failure.ts'
import { proxyFor } from './proxy.ts'
import { ReadBuffer } from './read-buffer.ts'
import { isRedirect, redirectTarget } from './redirect.ts'

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

/** The head of a reply whose body waits to be read or dropped: one of the two must be done. */
export interface Reply {
  /** Where the reply came from, after redirects. */
  readonly url: URL
  readonly status: number
  /** A header's value by its lower-case name; undefined where there is none, refused where there are several. */
  header(name: string): string | undefined
  /**
   * Hands the body over as it arrives and resolves at its end; rejects when it breaks.
   * `take` copies what it keeps before it returns, and may be given a little more after `pause`.
   */
  read(take: (bytes: Uint8Array) => void): Promise<void>
  pause(): void
  resume(): void
  /** Ends the exchange and its connection; a pending `read` rejects with the reason. */
  drop(reason?: unknown): void
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
  async get(url: URL, options: GetOptions): Promise<Reply> {
    let target = url
    for (let hops = 0; ; hops += 1) {
      const reply = await this.#exchange(target, options)
      if (!isRedirect(reply)) return reply
      reply.drop()
      target = redirectTarget(reply, hops)
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#direct, ...this.#proxies.values()].map((agent) => agent.destroy()))
  }

  #exchange(url: URL, { headers, headersTimeoutMs, signal }: GetOptions): Promise<Reply> {
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
          method: 'GET',
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

interface ExchangeOptions {
  readonly url: URL
  readonly signal: AbortSignal
  readonly traffic: { bytes: number }
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: unknown) => void
}

/** One request on its way, and then the reply to it. */
class Exchange implements Dispatcher.DispatchHandler, Reply {
  readonly url: URL
  status = 0
  readonly #options: ExchangeOptions
  readonly #ended = Promise.withResolvers<void>()
  readonly #early: Uint8Array[] = []
  readonly #onAbort = (): void => this.drop(this.#options.signal.reason)
  #headers: Readonly<Record<string, string | string[] | undefined>> = {}
  #interim = 0
  #controller: Dispatcher.DispatchController | undefined
  #take: ((bytes: Uint8Array) => void) | undefined
  #over = false

  constructor(options: ExchangeOptions) {
    this.url = options.url
    this.#options = options
    this.#ended.promise.catch(() => {})
    options.signal.addEventListener('abort', this.#onAbort)
  }

  header(name: string): string | undefined {
    const value = this.#headers[name]
    if (!Array.isArray(value)) return value
    throw new ActionError('PROTOCOL_ERROR', `${placeOf(this.url)} sent ${value.length} ${name} headers`)
  }

  read(take: (bytes: Uint8Array) => void): Promise<void> {
    this.#take = take
    for (const bytes of this.#early.splice(0)) take(bytes)
    this.resume()
    return this.#ended.promise
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  drop(reason: unknown = new Error('the reply was not wanted')): void {
    if (this.#over) return
    this.#over = true
    this.#finish(reason)
    this.#controller?.abort(reason instanceof Error ? reason : new Error(String(reason)))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#over) controller.abort(new Error('the reply was not wanted'))
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) {
      this.#interim += 1
      if (this.#interim > MAX_INTERIM_HEADS) this.drop(tooManyHeads(this.url))
      return
    }
    this.status = status
    this.#headers = headers
    controller.pause()
    this.#options.resolve(this)
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Uint8Array): void {
    this.#options.traffic.bytes += bytes.length
    if (this.#over) return
    if (this.#take === undefined) this.#early.push(new Uint8Array(bytes))
    else this.#take(bytes)
  }

  onResponseEnd(): void {
    this.#over = true
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    this.#ended.resolve()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#finish(networkError(error, this.url))
  }

  #finish(error: unknown): void {
    this.#over = true
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    this.#options.reject(error)
    this.#ended.reject(error)
  }
}

/** Each interim head (1xx) gives the server as much time again. */
const MAX_INTERIM_HEADS = 100

function tooManyHeads(url: URL): ActionError {
  const message = `${placeOf(url)} sent more than ${MAX_INTERIM_HEADS} interim replies and no answer`
  return new ActionError('PROTOCOL_ERROR', message)
}
