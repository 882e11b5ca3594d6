import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { gitEnvironment } from '../test/support/git-repo.ts'
import { type RunOptions, type RunResult, runAction } from '../test/support/runner.ts'
import { type Measured, measured } from './measure.ts'
import type { Peer, Target } from './peers.ts'
import { freshDirectory, remove } from './place.ts'
import type { Sample } from './results.ts'
import { spentOf } from './spent.ts'

/** Somebody who can be measured again and again; leaves nothing behind. */
export interface Contestant {
  readonly name: string
  readonly run: (signal: AbortSignal) => Promise<Sample>
}

/** The built action, started as the runner does. It must restore from the snapshot. */
export function theAction(name: string, options: RunOptions): Contestant {
  const run = async (signal: AbortSignal): Promise<Sample> => {
    const { result, sample } = await measureAction({ ...options, signal })
    if (result.exitCode !== 0 || result.outputs.outcome !== 'restored')
      throw new Error(`ended with ${result.exitCode}: ${lastLines(result.stdout + result.stderr)}`)
    const { peakRssBytes: peakBytes } = result
    return { ...sample, ...(peakBytes === undefined ? {} : { peakBytes }), spent: spentOf(result.report) }
  }
  return { name, run }
}

/** One run of the action in a directory of its own, which is removed. */
export async function measureAction(options: RunOptions): Promise<Measured<RunResult>> {
  const env = { GIT_CONFIG_NOSYSTEM: '1', ...options.env }
  const run = await measured(() => runAction({ ...options, env }))
  await run.result.cleanUp()
  return run
}

/** A peer's script. A process group of its own, so that all of a pipeline can be ended. */
export function aPeer({ name, script }: Peer, target: Target): Contestant {
  const run = async (signal: AbortSignal): Promise<Sample> => {
    const directory = freshDirectory('peer')
    try {
      const env = { ...gitEnvironment, ...target, DIRECTORY: directory, HOME: directory }
      const { result, sample } = await measured(() => runScript(script, env, signal))
      if (result.code !== 0) throw new Error(`ended with ${result.code}: ${lastLines(result.printed)}`)
      return sample
    } finally {
      remove(directory)
    }
  }
  return { name, run }
}

/** What nobody measures: a time that follows from what is known. */
export function aConstant(name: string, wallMs: number): Contestant {
  return { name, run: async () => ({ wallMs }) }
}

interface Ended {
  readonly code: number | null
  readonly printed: string
}

async function runScript(script: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Ended> {
  signal.throwIfAborted()
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const printed: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => printed.push(text))
  }
  const end = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }
  signal.addEventListener('abort', end)
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, printed: printed.join('') }
  } finally {
    signal.removeEventListener('abort', end)
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-5).join('\n')
}
