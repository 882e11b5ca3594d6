import type { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { watchPeak } from './process-memory.ts'
import type { Sample } from './results.ts'

export interface Measured<T> {
  readonly result: T
  /** When the process was started, by `performance.now()`. */
  readonly startedAt: number
  readonly sample: Sample
}

/**
 * Measures the one process that `run` starts, whoever starts it: from just before it is started to its exit, so that
 * what `run` prepares and reads afterwards does not count.
 */
export async function measured<T>(run: () => Promise<T>): Promise<Measured<T>> {
  const started = Promise.withResolvers<{ readonly child: ChildProcess; readonly at: number }>()
  const notice = (message: unknown): void => {
    started.resolve({ child: (message as { process: ChildProcess }).process, at: performance.now() })
  }
  const cpuBefore = childrenCpuMs()
  subscribe('child_process', notice)
  try {
    const running = run()
    const { child, at } = await Promise.race([started.promise, running.then(() => Promise.reject(NOTHING))])
    const ended = once(child, 'exit').then(() => performance.now())
    ended.catch(() => {}) // a program that cannot be started: `run` says it
    const peakBytes = watchPeak(child.pid ?? 0)
    try {
      const result = await running
      const wallMs = (await ended) - at
      const cpu = cpuBefore === undefined ? {} : { cpuMs: (childrenCpuMs() ?? 0) - cpuBefore }
      const peak = peakBytes()
      const sample = { wallMs, ...cpu, ...(peak === undefined ? {} : { peakBytes: peak }) }
      return { result, startedAt: at, sample }
    } finally {
      peakBytes()
    }
  } finally {
    unsubscribe('child_process', notice)
  }
}

const NOTHING = new Error('nothing was started that could be measured')
const SELF = '/proc/self/stat'
/** The kernel counts in hundredths of a second, whatever its own clock. */
const TICK_MS = 10

/**
 * User and system time of all children that have ended, and of theirs. Node cannot wait for a child as `wait4` does,
 * but the kernel keeps this sum for it; servers count only when they end. Undefined where there is no /proc.
 */
function childrenCpuMs(): number | undefined {
  if (!existsSync(SELF)) return undefined
  const text = readFileSync(SELF, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  // Fields 16 and 17 of proc(5): what follows the name begins with field 3.
  return (Number(fields[13]) + Number(fields[14])) * TICK_MS
}
