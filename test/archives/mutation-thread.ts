import { createHash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { type Mutant, mutantOf } from './mutation.ts'
import { type Survey, sortOf, survey, surveyStream } from './survey.ts'

// Mutants one after another, in a thread of its own: whoever started it can end it where one of them hangs.

export interface FuzzOrder {
  readonly archives: readonly Uint8Array[]
  readonly seed: number
  readonly milliseconds: number
  /** How many mutants that become different trees are told of. */
  readonly trees: number
  /** One word: the seed of the mutant that is being looked at. */
  readonly current: Int32Array
}

export interface FuzzSample {
  readonly seed: number
  readonly sort: string
}

export interface FuzzResult {
  readonly mutants: number
  /** One of each sort that is refused, and several that become trees. */
  readonly samples: readonly FuzzSample[]
  readonly crash: { readonly seed: number; readonly error: unknown } | undefined
}

const order = workerData as FuzzOrder
const archives = order.archives.map((bytes) => Buffer.from(bytes))

async function fuzz(): Promise<FuzzResult> {
  const samples: FuzzSample[] = []
  const seen = new Set<string>()
  let trees = 0
  const end = performance.now() + order.milliseconds
  for (let mutants = 0; ; mutants += 1) {
    if (performance.now() >= end) return { mutants, samples, crash: undefined }
    const seed = (order.seed + mutants) | 0
    Atomics.store(order.current, 0, seed)
    try {
      const found = await surveyOf(mutantOf(archives, seed))
      const sort = sortOf(found)
      const key = found.kind === 'refused' ? sort : digestOf(found)
      if (seen.has(key) || (found.kind === 'taken' && trees === order.trees)) continue
      seen.add(key)
      samples.push({ seed, sort })
      if (found.kind === 'taken') trees += 1
    } catch (error) {
      return { mutants, samples, crash: { seed, error } }
    }
  }
}

function surveyOf({ kind, bytes }: Mutant): Promise<Survey> {
  return kind === 'archive' ? survey(bytes) : surveyStream(bytes)
}

function digestOf({ tree }: Survey & { kind: 'taken' }): string {
  return createHash('sha256')
    .update(JSON.stringify([...tree]))
    .digest('hex')
}

parentPort?.postMessage(await fuzz())
