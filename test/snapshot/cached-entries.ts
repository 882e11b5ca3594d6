import { expect, onTestFinished } from 'vitest'
import { ActionError, describeError } from '../../src/errors.ts'
import type { Attempts } from '../../src/http/attempts.ts'
import { entryVersion, findEntry, LOOKUP_LIMITS } from '../../src/snapshot/actions-cache.ts'
import { type CachedSnapshot, keyOf, type Lookup, lookupOf } from '../../src/snapshot/cache-key.ts'
import { cacheServiceOf } from '../../src/snapshot/cache-service.ts'
import type { EntryOptions } from '../../src/snapshot/entry-client.ts'
import type { BlobStore } from '../support/azurite.ts'
import { type CacheService, startCacheService } from '../support/cache-service.ts'
import { clientTo } from '../support/http-client.ts'
import type { FaultScript } from '../support/scripted-server.ts'

export const VERSION = entryVersion()
export const REPOSITORY = { host: 'github.com', owner: 'octo', name: 'project' }
const UNSPEAKABLE = /s3cret|s1gnature/

/** Signs addresses where nothing is. */
export const EMPTY_STORE: BlobStore = {
  sign: (blob) =>
    `http://127.0.0.1:9/cache/${blob}?se=2030-01-01T00%3A00%3A00Z&sp=r&sig=s1gnature%2Fof%2Bthe-blob%3D`,
}

/** A commit by its number. */
export function commit(number: number): string {
  return String(number).padStart(40, '0')
}

/** The key of the snapshot of main at commit 1, or of another one. */
export function key(change: Partial<CachedSnapshot> = {}): string {
  const snapshot = { ...REPOSITORY, branch: 'main', kind: 'full', commit: commit(1), ...change } as const
  return keyOf(snapshot) ?? ''
}

/** What a restore asks for that wants the whole history of main, or something else. */
export function lookup(change: Partial<Parameters<typeof lookupOf>[0]> = {}): Lookup {
  const wishes = { ...REPOSITORY, branches: ['main'], commit: undefined, fetchDepth: 0, ...change }
  return lookupOf(wishes) as Lookup
}

export interface Changes {
  readonly fault?: FaultScript
  readonly retries?: number
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** A cache service, and how a step asks it; ended with the test. */
export async function startCached(store: BlobStore, changes: Changes = {}): Promise<Cached> {
  const { fault } = changes
  const service = await startCacheService({ store, ...(fault && { fault }) })
  onTestFinished(() => service.close())
  return new Cached(service, changes)
}

export class Cached {
  readonly service: CacheService
  readonly secrets: string[] = []
  readonly retried: string[] = []
  readonly options: EntryOptions
  readonly #retries: number

  constructor(service: CacheService, { retries = 1, timeoutMs = LOOKUP_LIMITS.timeoutMs, signal }: Changes) {
    const offered = cacheServiceOf(service.env, 'read')
    if (offered.kind === 'none') throw new Error(offered.reason)
    const client = clientTo(service.url, { secrets: offered.secrets })
    onTestFinished(() => client.close())
    this.service = service
    this.#retries = retries
    this.options = {
      client,
      service: offered,
      stall: { idleMs: 60_000, bytesPerSecond: 1 },
      limits: { ...LOOKUP_LIMITS, timeoutMs },
      onSecret: (text) => this.secrets.push(text),
      signal: signal ?? new AbortController().signal,
    }
  }

  /** Takes in entries with these keys, the newest last. */
  save(...keys: readonly string[]): void {
    for (const saved of keys) this.service.save({ key: saved, version: VERSION })
  }

  find(wanted: Lookup = lookup()) {
    return findEntry(wanted, { ...this.options, attempts: this.attempts() })
  }

  /** Attempts whose waits are over at once. */
  attempts(): Attempts {
    return {
      attempts: this.#retries,
      budget: { left: this.#retries },
      remainingMs: () => Number.POSITIVE_INFINITY,
      random: () => 0,
      wait: async () => {},
      onRetry: (error) => {
        this.retried.push(wordsOf(error))
      },
    }
  }
}

/** The code and the words of the error that a promise must reject with. */
export async function failureOf(promise: Promise<unknown>): Promise<{ code: string; words: string }> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (failure: unknown) => failure,
  )
  if (!(error instanceof ActionError)) throw error
  return { code: error.code, words: wordsOf(error) }
}

function wordsOf(error: unknown): string {
  const words = describeError(error)
  expect(words).not.toMatch(UNSPEAKABLE)
  return words
}
