import { join } from 'node:path'
import { expect } from 'vitest'
import { describeError } from '../src/errors.ts'
import { wait } from '../src/source/patience.ts'
import { parseWarmInputs } from '../src/warm/inputs.ts'
import { type WarmReport, warmLine, warmOutputs } from '../src/warm/report.ts'
import { type WarmContext, warm } from '../src/warm.ts'
import { toolCacheIn } from './store/tool-cache.ts'
import { inputReader, readActionMetadata } from './support/action-metadata.ts'
import { makePlace } from './support/place.ts'
import { EXPRESSED } from './support/restore-arguments.ts'

const { defaults } = readActionMetadata(join(import.meta.dirname, '..', 'warm', 'action.yml'))

export const NOW = Date.parse('2026-01-02T03:04:05Z')

export type WarmChanges = {
  /** What a workflow would say under `with`. */
  readonly inputs?: Readonly<Record<string, string>>
  /** The commit that was pushed to main. */
  readonly sha?: string
  readonly payload?: WarmContext['event']['payload']
} & Partial<Pick<WarmContext, 'env' | 'signal' | 'wait'>>

export type Warmed = {
  readonly report: WarmReport
  readonly outputs: Readonly<Record<string, string>>
  readonly line: string
  /** What was logged on the way. */
  readonly lines: readonly string[]
  readonly secrets: readonly string[]
  /** What would have been waited, minutes aside. */
  readonly waitsMs: readonly number[]
}

/** One warm step of a job of `octo/project` within this process, which is to leave no file. */
export async function warmStep({ inputs, sha = '', payload = {}, ...changes }: WarmChanges): Promise<Warmed> {
  const { temp } = makePlace()
  const [lines, secrets]: [string[], string[]] = [[], []]
  const waitsMs: number[] = []
  const env = { PATH: process.env.PATH, ...changes.env }
  const report = await warm(parseWarmInputs(inputReader(defaults, { ...EXPRESSED, ...inputs }), env), {
    event: { name: 'push', ref: 'refs/heads/main', repository: 'octo/project', sha, payload },
    temp,
    now: () => NOW,
    wait: async (delayMs, signal) => {
      if (delayMs > 60_000) return wait(delayMs, signal)
      waitsMs.push(delayMs)
    },
    signal: new AbortController().signal,
    toolCache: async (directory) => toolCacheIn(directory),
    log: (line) => lines.push(line),
    warn: (line) => lines.push(line),
    onSecret: (text) => secrets.push(text),
    ...changes,
    env,
  })
  return { report, outputs: warmOutputs(report), line: warmLine(report), lines, secrets, waitsMs }
}

/** The code and the words of the error that a step ends with. */
export async function failedWarmStep(changes: WarmChanges): Promise<{ code: unknown; words: string }> {
  const error = await warmStep(changes).then(
    () => expect.unreachable('it did not fail'),
    (reason: unknown) => reason,
  )
  return { code: (error as { code?: unknown }).code, words: describeError(error) }
}
