import { expect } from 'vitest'
import { errorsOf, printed, run } from './action-run.ts'
import { expectUntouched, type Place, remainsIn } from './place.ts'
import type { RunOptions, RunResult } from './runner.ts'
import { listTree } from './working-copy.ts'

export type Failure = {
  readonly result: RunResult
  /** The one line of words that people read. */
  readonly error: string
}

/** Runs a step that is to fail, and expects it to fail cleanly: nothing changed, left or alive, one line of words. */
export async function failing(place: Place, options: RunOptions, exitCode = 1): Promise<Failure> {
  const before = listTree(place.workspace)
  const result = await run({ ...options, ...place })
  const [error = '', ...others] = errorsOf(result)
  expect(result, error).toMatchObject({ exitCode, signal: null, stderr: '', outputs: {} })
  expect(others).toEqual([])
  expect(error).toMatch(/^[^\n]+$/)
  expect(printed(result)).not.toMatch(/^\s+at |node:internal|file:\/\//m)
  expectUntouched(place, before)
  expect(remainsIn(place.temp)).toEqual([])
  return { result, error }
}

/** The error of a step within this process, which is to change nothing and to leave nothing. */
export async function failureOf(place: Place, step: () => Promise<unknown>): Promise<unknown> {
  const before = listTree(place.workspace)
  const error = await step().then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  expect(listTree(place.workspace)).toEqual(before)
  expect(remainsIn(place.temp)).toEqual([])
  return error
}
