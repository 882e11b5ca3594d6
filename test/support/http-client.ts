import { type ClientOptions, type GetOptions, HttpClient } from '../../src/http/client.ts'

/** A client that has no secrets for the origin of an address, unless it is given some; the caller closes it. */
export function clientTo(address: string | URL, settings: Partial<ClientOptions> = {}): HttpClient {
  return new HttpClient({
    env: {},
    secrets: { origin: new URL(address).origin, headers: {} },
    connectTimeoutMs: 10_000,
    connections: 8,
    ...settings,
  })
}

/** How a request is made that has no wishes of its own. */
export function asking(wishes: Partial<GetOptions> = {}): GetOptions {
  return { headers: {}, headersTimeoutMs: 60_000, signal: new AbortController().signal, ...wishes }
}
