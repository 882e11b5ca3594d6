// A TCP proxy in a process of its own, which ends with the one that forked it: `fork(file, [port])`, then its port comes
// as a message. Bytes take as long as on a far link, and as many fit into it as come.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** One way; there and back it is 40 ms. */
const ONE_WAY_MS = 20
/** A far connection takes one way there and back before the first request can leave. */
const HANDSHAKE_MS = 2 * ONE_WAY_MS

interface Due {
  readonly at: number
  /** Undefined is the end. */
  readonly bytes: Buffer | undefined
}

/**
 * Hands on what comes, each piece as much later as the way takes. It holds what comes in that time, and stops reading
 * while the other side does not take it.
 */
function carry(from: Socket, to: Socket, earliest: number): void {
  const queue: Due[] = []
  const flush = (): void => {
    for (let due = queue[0]; due !== undefined && due.at <= performance.now(); due = queue[0]) {
      queue.shift()
      if (due.bytes === undefined) to.end()
      else if (!to.write(due.bytes)) from.pause()
    }
    if (queue[0] !== undefined) setTimeout(flush, Math.max(1, queue[0].at - performance.now()))
  }
  const add = (bytes?: Buffer): void => {
    queue.push({ at: Math.max(performance.now(), earliest) + ONE_WAY_MS, bytes })
    if (queue.length === 1) setTimeout(flush, (queue[0]?.at ?? 0) - performance.now())
  }
  from.on('data', add)
  from.on('end', () => add())
  from.on('error', () => to.destroy())
  from.on('close', () => {
    if (!from.readableEnded) to.destroy()
  })
  to.on('drain', () => from.resume())
}

const port = Number(process.argv[2])
const options = { allowHalfOpen: true, noDelay: true }
const server = createServer(options, (client) => {
  const origin = connect({ ...options, port, host: '127.0.0.1' })
  carry(client, origin, performance.now() + HANDSHAKE_MS)
  carry(origin, client, 0)
})
// Ctrl-C reaches all processes of a terminal; this one ends when nobody needs it any more.
process.on('SIGINT', () => {})
process.once('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
