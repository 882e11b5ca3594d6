import type { ChildProcess } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'

type Close = () => Promise<void> | void

/** What is to be ended and removed at the end, the last first, whatever happens to each. */
export class Closing {
  readonly #closes: Close[] = []

  add(close: Close): void {
    this.#closes.push(close)
  }

  async close(): Promise<void> {
    for (let close = this.#closes.pop(); close !== undefined; close = this.#closes.pop()) {
      try {
        await close()
      } catch (error) {
        console.error(`bench: at the end: ${(error as Error).message}`)
      }
    }
  }
}

/**
 * Aborted by Ctrl-C or a signal to end; what runs then ends, and is cleaned up after. Children are interrupted, as Ctrl-C
 * in a terminal does, so that nothing waits for what they were doing.
 */
export function untilStopped(): AbortSignal {
  const stopped = new AbortController()
  const children = new Set<ChildProcess>()
  subscribe('child_process', (message) => {
    const { process: child } = message as { process: ChildProcess }
    children.add(child)
    child.once('exit', () => children.delete(child))
  })
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      stopped.abort(new Error(`stopped by ${name}`))
      for (const child of children) child.kill('SIGINT')
    })
  }
  return stopped.signal
}
