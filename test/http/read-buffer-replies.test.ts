import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { HttpClient } from '../../src/http/client.ts'
import { asking, clientTo } from '../support/http-client.ts'
import { listen } from '../support/listening.ts'
import { randomFrom } from '../support/random.ts'
import { turns } from '../support/turns.ts'

describe('replies through reused read buffers', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'are right to the byte, however they are cut and read (run %i)',
    async (seed) => {
      const random = randomFrom(seed)
      const bodies = Array.from({ length: 12 }, () => randomBytes(1 + Math.floor(random() ** 3 * 3_000_000)))
      const url = await serveInPieces(bodies, random)
      const client = clientTo(url)
      onTestFinished(() => client.close())
      const lane = async (from: number): Promise<void> => {
        for (let index = from; index < bodies.length; index += 3) {
          const expected = createHash('sha256')
            .update(bodies[index] ?? '')
            .digest('hex')
          expect(await hashOfReply(client, new URL(`/${index}`, url), random)).toEqual([
            `"${index}"`,
            expected,
          ])
          await turns(2)
        }
      }
      await Promise.all([lane(0), lane(1), lane(2)])
    },
  )

  /** Reads with pauses of random lengths at random places, and copies nothing before it is hashed. */
  async function hashOfReply(
    client: HttpClient,
    url: URL,
    random: () => number,
  ): Promise<(string | undefined)[]> {
    const reply = await client.get(url, asking())
    const etag = reply.header('etag')
    const filler = reply.header('x-filler') ?? ''
    expect(/^(ab)*$/.test(filler)).toBe(true)
    await turns(Math.floor(random() * 20))
    const hash = createHash('sha256')
    await reply.read((bytes) => {
      hash.update(bytes)
      if (random() < 0.6) return
      reply.pause()
      turns(Math.floor(random() * 40)).then(() => reply.resume())
    })
    return [etag, hash.digest('hex')]
  }

  /** One body per path, its head byte by byte now and then, its bytes in pieces of random sizes. */
  async function serveInPieces(bodies: readonly Buffer[], random: () => number): Promise<string> {
    const server = createServer({ noDelay: true }, (socket) => {
      let answering = Promise.resolve()
      socket.on('data', (request) => {
        const index = Number(/^GET \/(\d+) /.exec(request.toString())?.[1])
        answering = answering.then(() => answer(socket, index, bodies[index] ?? Buffer.alloc(0), random))
      })
    })
    return `http://127.0.0.1:${await listen(server)}`
  }

  async function answer(socket: Socket, index: number, body: Buffer, random: () => number): Promise<void> {
    const chunked = random() < 0.5
    const framing = chunked ? 'transfer-encoding: chunked' : `content-length: ${body.length}`
    const filler = 'ab'.repeat(Math.floor(random() * 6000))
    const head = Buffer.from(
      `HTTP/1.1 200 OK\r\netag: "${index}"\r\nx-filler: ${filler}\r\n${framing}\r\n\r\n`,
    )
    const dripped = Math.max(0, head.length - (random() < 0.5 ? Math.floor(random() * 200) : 0))
    socket.write(head.subarray(0, dripped))
    for (let at = dripped; at < head.length; at += 1) {
      await turns(1)
      socket.write(head.subarray(at, at + 1))
    }
    for (let at = 0; at < body.length; ) {
      const size = 1 + Math.floor(random() ** 4 * 400_000)
      const piece = body.subarray(at, at + size)
      at += size
      const framed = chunked
        ? [Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]
        : [piece]
      if (!socket.write(Buffer.concat(framed))) await once(socket, 'drain')
      else if (random() < 0.3) await turns(1)
    }
    if (chunked) socket.write('0\r\n\r\n')
  }
})
