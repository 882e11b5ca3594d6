import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { onTestFinished } from 'vitest'
import type { Certificate } from '../support/certificate.ts'

/**
 * What becomes of one connection: reset at the client's first byte, ended there, left without an answer, or with
 * the byte at this place of what comes back flipped.
 */
export type ConnectionFault = 'reset' | 'end' | 'silence' | { readonly flipAt: number }

export interface RelayOptions {
  /** By the connection's number, from 0 on. */
  readonly fault?: (index: number) => ConnectionFault | undefined
  /** Default: any that is free. */
  readonly port?: number
  /** Speaks TLS to clients. */
  readonly certificate?: Certificate
  /** Within TLS, the best one first; by default HTTP/2, and HTTP/1.1 where that is not spoken. */
  readonly protocols?: string[]
}

export interface Relay {
  readonly port: number
  /** Connections so far. */
  readonly count: () => number
}

/** Carries bytes between its clients and a server on this machine, until the running test ends. */
export async function startRelay(target: string | URL, options: RelayOptions = {}): Promise<Relay> {
  const sockets = new Set<Socket>()
  let count = 0
  const accept = (client: Socket): void => {
    const fault = options.fault?.(count)
    count += 1
    if (typeof fault === 'string') client.once('data', () => endAs(client, fault))
    else carry(client, connect(Number(new URL(target).port), '127.0.0.1'), fault?.flipAt)
  }
  const { certificate, protocols: ALPNProtocols = ['h2', 'http/1.1'] } = options
  const server =
    certificate === undefined
      ? createServer(accept)
      : createTlsServer({ ...certificate, ALPNProtocols }, accept).on('tlsClientError', () => {})
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, count: () => count }
}

function endAs(client: Socket, fault: 'reset' | 'end' | 'silence'): void {
  if (fault === 'reset') client.resetAndDestroy()
  if (fault === 'end') client.end()
}

function carry(client: Socket, server: Socket, flipAt = -1): void {
  let at = 0
  client.on('error', () => server.destroy())
  client.on('close', () => server.destroy())
  server.on('error', () => client.destroy())
  server.on('close', () => client.destroy())
  client.pipe(server)
  server.on('data', (bytes) => {
    const place = flipAt - at
    at += bytes.length
    const byte = bytes[place]
    if (byte !== undefined) bytes[place] = byte ^ 1
    client.write(bytes)
  })
}
