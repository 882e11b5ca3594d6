import { onTestFinished } from 'vitest'
import { startBlackHole } from '../support/black-hole.ts'

/** The port of a place that answers no connection attempt at all, until the running test ends. Linux only. */
export async function blackHole(): Promise<number> {
  const { port, close } = await startBlackHole()
  onTestFinished(close)
  return port
}
