import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { ask } from './ask.ts'

export type ChildServerOptions = {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Answers when the server is ready. */
  readonly readyUrl: string
  readonly isReady: (status: number) => boolean
}

const READY_WITHIN_MS = 30_000
const POLL_MS = 20

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a server program, waits until it answers, and returns how to stop it. */
export async function startChildServer(options: ChildServerOptions): Promise<() => Promise<void>> {
  const child = spawn(options.program, options.args, {
    env: { PATH: process.env.PATH ?? '', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const printed: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => printed.push(text))
  }
  const ended = once(child, 'close').then(
    ([code]) => `ended with ${code}`,
    (error: Error) => error.message,
  )
  const reason = await Promise.race([ended, ready(options, child)])
  if (reason === 'ready') return () => stop(child, ended)
  await stop(child, ended)
  throw new Error(`${options.program} ${reason}: ${printed.join('').slice(-2000)}`)
}

/** Polls: another program's readiness has no event to wait for. */
async function ready({ readyUrl, isReady }: ChildServerOptions, child: ChildProcess): Promise<string> {
  const end = performance.now() + READY_WITHIN_MS
  while (isRunning(child) && performance.now() < end) {
    const { status } = await ask(readyUrl)
    if (isReady(status)) return 'ready'
    await delay(POLL_MS)
  }
  return `did not answer ${readyUrl} within ${READY_WITHIN_MS / 1000} s`
}

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (isRunning(child)) child.kill('SIGTERM')
  await ended
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}
