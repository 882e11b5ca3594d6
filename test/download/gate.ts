import { connect, createServer, type Socket } from 'node:net'
import { listen } from '../support/listening.ts'

export interface Gate {
  /** How many connections it turned away. */
  turnedAway: number
  /** Stands before a server, and gives its own address. */
  readonly through: (server: URL) => Promise<URL>
}

/** A way to a server for so many connections at a time; it resets or closes those beyond. Ended with the test. */
export function gate(most: number, how: 'reset' | 'close'): Gate {
  return gateBy((socket, open) => {
    if (open < most) return
    if (how === 'reset') socket.resetAndDestroy()
    else socket.destroy()
  })
}

/** A way to a server over which a connection brings one request, and is closed when it is used again. */
export function oneRequestEach(): Gate {
  return gateBy((socket, _, onTurnedAway) => {
    let requests = 0
    // A request without a body comes in one piece.
    socket.prependListener('data', () => {
      requests += 1
      if (requests === 1) return
      onTurnedAway()
      socket.unpipe()
      socket.end()
    })
  })
}

type Rule = (socket: Socket, open: number, onTurnedAway: () => void) => void

/** A way to a server that a rule may bar to a connection, by ending it. */
function gateBy(rule: Rule): Gate {
  const open = new Set<Socket>()
  const gate: Gate = { turnedAway: 0, through }
  const onTurnedAway = (): void => {
    gate.turnedAway += 1
  }

  function relay(socket: Socket, target: URL): void {
    open.add(socket)
    const onward = connect(Number(target.port), target.hostname)
    onward.on('error', () => socket.destroy())
    onward.on('close', () => socket.destroy())
    socket.on('close', () => {
      open.delete(socket)
      onward.destroy()
    })
    socket.pipe(onward).pipe(socket)
  }

  async function through(target: URL): Promise<URL> {
    const server = createServer((socket) => {
      rule(socket, open.size, onTurnedAway)
      if (socket.destroyed) onTurnedAway()
      else relay(socket, target)
    })
    return new URL(`http://127.0.0.1:${await listen(server)}`)
  }

  return gate
}
