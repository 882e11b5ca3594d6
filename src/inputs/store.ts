import { isAbsolute, resolve } from 'node:path'
import type { Environment } from '../environment.ts'
import { byteCount, duration, type Given, refused } from '../input-values.ts'

/** Where snapshots are kept on this machine. */
export interface StoreInputs {
  /** Absolute. */
  readonly directory: string
  /** A snapshot that was asked for within this time is taken without asking again. */
  readonly maxAgeMs: number
  readonly maxBytes: number
}

const BYTES = { least: 1024 ** 2, most: 16 * 1024 ** 4 }

/** `auto` is on where jobs come again to the same machine. Undefined where nothing is to be kept. */
export function parseStore(input: (name: string) => Given, env: Environment): StoreInputs | undefined {
  const limits = {
    maxAgeMs: duration(input('store-max-age')),
    maxBytes: byteCount(input('store-max-bytes'), BYTES),
  }
  const directory = directoryOf(input('store'), env)
  return directory === undefined ? undefined : { ...limits, directory }
}

function directoryOf(given: Given, env: Environment): string | undefined {
  const { value } = given
  if (value === 'off') return undefined
  if (value === '' || value === 'auto') {
    const toolCache = env.RUNNER_TOOL_CACHE ?? ''
    const isLasting = env.RUNNER_ENVIRONMENT === 'self-hosted' && isAbsolute(toolCache)
    return isLasting ? resolve(toolCache) : undefined
  }
  if (isAbsolute(value) && !value.includes('\0')) return resolve(value)
  throw refused(given, 'off, auto or an absolute path is allowed')
}
