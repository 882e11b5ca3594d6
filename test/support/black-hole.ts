import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'

/** Listens with room for few connections, and then never takes one. */
const LISTENER = `
  const { createServer } = require('node:net')
  const { parentPort } = require('node:worker_threads')
  const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })
`
/** More than Linux lets wait where the backlog is 1. */
const FILLERS = 4

export type BlackHole = { readonly port: number; readonly close: () => Promise<void> }

/** A place that answers no connection attempt at all. Linux only. */
export async function startBlackHole(): Promise<BlackHole> {
  const worker = new Worker(LISTENER, { eval: true })
  const [port] = (await once(worker, 'message')) as [number]
  const fillers: Socket[] = []
  for (let index = 0; index < FILLERS; index += 1) {
    fillers.push(connect(port, '127.0.0.1').on('error', () => {}))
  }
  await Promise.all(fillers.slice(0, 2).map((filler) => once(filler, 'connect')))
  const close = async () => {
    for (const filler of fillers) filler.destroy()
    await worker.terminate()
  }
  return { port, close }
}
