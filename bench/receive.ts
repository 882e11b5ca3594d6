// Receives one object and drops it: `node receive.ts WAY URL`. Prints how much CPU and time that took, in milliseconds,
// from the first request on: without the start of the process and the loading of modules.
import { once } from 'node:events'
import { connect as connectPlain, type NetConnectOpts, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectSecure } from 'node:tls'
import { request } from 'undici'
import { download } from '../src/download/download.ts'
import { HttpClient } from '../src/http/client.ts'
import { byteCount, wholeNumber } from '../src/input-values.ts'
import { openSnapshot } from '../src/snapshot/open.ts'
import { PATIENCE, Patience } from '../src/source/patience.ts'
import { readActionMetadata } from '../test/support/action-metadata.ts'

/** Ways to receive; each tells how many bytes came. */
const WAYS = { action: receiveAsTheAction, undici: receiveWithUndici, socket: receiveOnASocket }

export type Way = keyof typeof WAYS

export interface Received {
  readonly bytes: number
  readonly cpuMs: number
  readonly wallMs: number
}

/** The action's download at its defaults; nobody decodes what comes. */
async function receiveAsTheAction(url: URL): Promise<number> {
  const { concurrency, chunkBytes } = defaultLimits()
  const signal = new AbortController().signal
  const limits = { retries: 0, stallMs: 30_000, timeoutMs: 0, onMiss: 'fail' } as const
  const { attemptsFor, stall } = new Patience(limits, { signal, log: () => {} })
  const secrets = { origin: url.origin, headers: {} }
  const { connectTimeoutMs } = PATIENCE
  const client = new HttpClient({ env: process.env, secrets, connectTimeoutMs, connections: concurrency })
  const options = { ...PATIENCE, concurrency, chunkBytes, client, attemptsFor, stall, signal }
  const stream = download(await openSnapshot(url, options), options)
  let bytes = 0
  for await (const piece of stream) {
    bytes += piece.length
    stream.release(bytes)
  }
  await client.close()
  return bytes
}

/** What action.yml says where a workflow says nothing. */
function defaultLimits() {
  const { defaults } = readActionMetadata(join(import.meta.dirname, '..', 'action.yml'))
  const given = (name: string) => ({ label: name, value: defaults.get(name) ?? '' })
  const span = { least: 1, most: Number.MAX_SAFE_INTEGER }
  return {
    concurrency: wholeNumber(given('concurrency'), span),
    chunkBytes: byteCount(given('chunk-size'), span),
  }
}

async function receiveWithUndici(url: URL): Promise<number> {
  const { body } = await request(url)
  let bytes = 0
  for await (const piece of body) bytes += piece.length
  return bytes
}

/** The least that receiving takes in Node: over plain TCP always into the same memory. */
async function receiveOnASocket(url: URL): Promise<number> {
  let bytes = 0
  const socket = connectTo(url, (count) => {
    bytes += count
  })
  socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: close\r\n\r\n`)
  await once(socket, 'close')
  return bytes
}

function connectTo(url: URL, onBytes: (count: number) => void): Socket {
  const address = { host: url.hostname, port: Number(url.port) }
  if (url.protocol === 'https:')
    return connectSecure({ ...address, servername: url.hostname }).on('data', (piece: Buffer) =>
      onBytes(piece.length),
    )
  const onread: NetConnectOpts['onread'] = {
    buffer: Buffer.alloc(512 * 1024),
    callback: (count) => {
      onBytes(count)
      return true
    },
  }
  return connectPlain({ ...address, onread })
}

if (import.meta.main) {
  const [way = 'action', url = ''] = process.argv.slice(2)
  const [cpu, startedAt] = [process.cpuUsage(), performance.now()]
  const bytes = await WAYS[way as Way](new URL(url))
  const { user, system } = process.cpuUsage(cpu)
  const received: Received = { bytes, cpuMs: (user + system) / 1000, wallMs: performance.now() - startedAt }
  console.log(JSON.stringify(received))
}
