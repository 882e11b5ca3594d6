import { ActionError } from '../errors.ts'
import type { GetOptions, HttpClient } from '../http/client.ts'
import { Detours } from '../http/detours.ts'
import type { Reply } from '../http/exchange.ts'
import { type CacheEntry, type LookupOptions, lookUp } from './actions-cache.ts'

export interface EntryOptions extends LookupOptions {
  readonly client: Pick<HttpClient, 'get' | 'post'>
}

/**
 * Reads one entry of the Actions cache, wherever its signed address leads: who goes on there after the signature has
 * expired is led to the same entry anew. A reply is the caller's to hold to its pin.
 */
export class EntryClient implements Pick<HttpClient, 'get'> {
  /** Stands for the entry: its bytes are asked for here first, and after that where the reply came from. */
  readonly url: URL
  readonly #key: string
  readonly #options: EntryOptions
  readonly #detours = new Detours()
  /** The address that the entry came with, until it is used. */
  #unused: URL | undefined

  constructor({ key, url }: CacheEntry, options: EntryOptions) {
    this.url = options.service.lookupUrl
    this.#key = key
    this.#options = options
    this.#unused = url
  }

  get(url: URL, options: GetOptions): Promise<Reply> {
    return this.#detours.get(url, async (place) => {
      const isEntry = place.href === this.url.href
      return this.#options.client.get(isEntry ? await this.#address(options.signal) : place, options)
    })
  }

  async #address(signal: AbortSignal): Promise<URL> {
    const unused = this.#unused
    this.#unused = undefined
    return unused ?? (await this.#renewed(signal))
  }

  /** In one try: who waits for it repeats its own request. */
  async #renewed(signal: AbortSignal): Promise<URL> {
    const lookup = { key: this.#key, restoreKeys: [] }
    const entry = await lookUp(lookup, { ...this.#options, signal })
    if (entry?.key === this.#key) return entry.url
    throw new ActionError('SNAPSHOT_CHANGED', `the Actions cache no longer has the entry ${this.#key}`)
  }
}
