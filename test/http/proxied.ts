import type { Reply } from '../../src/http/exchange.ts'
import { CREDENTIALS, clientFor, get } from './fixture.ts'

/** A name that only a proxy resolves. */
export const HOST = 'snapshots.test'
/** What a proxy is sent for `CREDENTIALS`. */
export const BASIC = `Basic ${Buffer.from('runner:pr0xy s3cret').toString('base64')}`

/** Asks for five bytes, by the way that the proxy variables say. */
export function getBy(url: string, env: Readonly<Record<string, string>>): Promise<Reply> {
  return get(clientFor(url, { env }), url, { headers: { range: 'bytes=4-8' } })
}

export function withCredentials(proxy: string): string {
  return proxy.replace('http://', `http://${CREDENTIALS}@`)
}
