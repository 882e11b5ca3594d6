import type { Dispatcher } from 'undici'
import { ActionError } from '../errors.ts'
import { networkError, placeOf } from './failure.ts'
import type { ReplyHead } from './reply-head.ts'
import { errorCode } from './retry.ts'
import type { RequestTrace } from './tracer.ts'

/** The head of a reply whose body waits to be read or dropped: one of the two must be done. */
export interface Reply extends ReplyHead {
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

interface ExchangeOptions {
  readonly url: URL
  /** By which the request goes, unless it goes directly. */
  readonly proxy: URL | undefined
  readonly signal: AbortSignal
  readonly traffic: { bytes: number }
  readonly trace: RequestTrace | undefined
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: unknown) => void
}

/** One request on its way, and then the reply to it. */
export class Exchange implements Dispatcher.DispatchHandler, Reply {
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
    if (!Array.isArray(value)) return value?.trim()
    throw new ActionError('PROTOCOL_ERROR', `${placeOf(this.url)} sent ${value.length} ${name} headers`)
  }

  read(take: (bytes: Uint8Array) => void): Promise<void> {
    this.#take = take
    for (let bytes = this.#early.shift(); bytes !== undefined; bytes = this.#early.shift()) take(bytes)
    this.resume()
    return this.#ended.promise
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  drop(reason: unknown = unwanted()): void {
    if (this.#over) return
    this.#finish(reason)
    this.#controller?.abort(reason instanceof Error ? reason : new Error(String(reason)))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#over) controller.abort(unwanted())
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
    this.#options.trace?.head(status)
    controller.pause()
    this.#options.resolve(this)
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Uint8Array): void {
    this.#options.traffic.bytes += bytes.length
    this.#options.trace?.received(bytes.length)
    if (this.#over) return
    if (this.#take === undefined) this.#early.push(new Uint8Array(bytes))
    else this.#take(bytes)
  }

  onResponseEnd(): void {
    this.#over = true
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    this.#options.trace?.ended()
    this.#ended.resolve()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const isHead = this.status === 0 && errorCode(error) === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
    // What was sent has gone through the proxy.
    const proxy = this.#controller === undefined ? this.#options.proxy : undefined
    const asked = { proxy, isAnswered: this.status !== 0 }
    this.#finish(isHead ? contradictoryLengths(error, this.url) : networkError(error, this.url, asked))
  }

  #finish(error: unknown): void {
    if (!this.#over) this.#options.trace?.broken(error)
    this.#over = true
    this.#early.length = 0
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    this.#options.reject(error)
    this.#ended.reject(error)
  }
}

function unwanted(): Error {
  return new Error('the reply was not wanted')
}

/** Each interim head (1xx) gives the server as much time again. */
const MAX_INTERIM_HEADS = 100

function tooManyHeads(url: URL): ActionError {
  const message = `${placeOf(url)} sent more than ${MAX_INTERIM_HEADS} interim replies and no answer`
  return new ActionError('PROTOCOL_ERROR', message)
}

/** A head that announces two lengths, or a length and chunks, is refused before there is a reply. */
function contradictoryLengths(cause: unknown, url: URL): ActionError {
  const message = `${placeOf(url)} does not answer in valid HTTP: the lengths that it announces contradict each other`
  return new ActionError('PROTOCOL_ERROR', message, { cause })
}
