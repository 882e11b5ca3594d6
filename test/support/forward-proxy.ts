import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import { listen } from './listening.ts'

export type ForwardProxy = {
  readonly url: string
  /** What clients wanted to reach, by CONNECT or by a request for a whole address. */
  readonly asked: { readonly host: string; readonly authorization: string | undefined }[]
}

/** A proxy that takes every host for the one server at `target`, until the running test ends. */
export async function startProxy(target: string): Promise<ForwardProxy> {
  const { hostname, port } = new URL(target)
  const asked: { host: string; authorization: string | undefined }[] = []
  const server = createServer((incoming, outgoing) => {
    const { host, pathname, search } = new URL(incoming.url ?? '')
    const { 'proxy-authorization': authorization, ...headers } = incoming.headers
    asked.push({ host, authorization })
    const path = `${pathname}${search}`
    const forwarded = request({ hostname, port, path, method: incoming.method, headers }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers)
      reply.pipe(outgoing)
    })
    forwarded.on('error', () => outgoing.destroy())
    incoming.pipe(forwarded)
  })
  server.on('connect', (incoming, client) => {
    asked.push({ host: incoming.url ?? '', authorization: incoming.headers['proxy-authorization'] })
    const upstream = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(client)
      client.pipe(upstream)
    })
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
  })
  return { url: `http://127.0.0.1:${await listen(server)}`, asked }
}
