import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Said, Task } from './store-process.ts'

export interface ProcessOptions {
  readonly directory: string
  readonly maxBytes: number
  readonly tasks: readonly Task[]
  readonly env?: Readonly<Record<string, string>>
  /** It is killed once it has said so many lines. */
  readonly killedAfter?: number
}

export interface Ended {
  readonly signal: NodeJS.Signals | null
  readonly said: readonly Said[]
}

/** Runs tasks on a store in a process of its own. */
export async function runProcess(options: ProcessOptions): Promise<Ended> {
  const { directory, maxBytes, tasks, env, killedAfter = Number.POSITIVE_INFINITY } = options
  const program = join(import.meta.dirname, 'store-process.ts')
  const args = [program, directory, String(maxBytes), JSON.stringify(tasks)]
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const child = spawn(process.execPath, args, { stdio: [...stdio], env: { ...process.env, ...env } })
  const ended = once(child, 'close')
  const said: Said[] = []
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    said.push(JSON.parse(line))
    if (said.length >= killedAfter) child.kill('SIGKILL')
  }
  const [code, signal] = await ended
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`ended with ${code ?? signal}`)
  return { signal, said }
}
