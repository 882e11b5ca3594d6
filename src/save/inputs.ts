import type { Environment } from '../environment.ts'
import { duration, type Given, orElse, refused, trimmed, wholeNumber } from '../input-values.ts'
import { type CheckoutInputs, parseCheckoutInputs } from '../inputs/checkout.ts'
import { parseDestination } from '../inputs.ts'

/** What the save step is to do, parsed once. */
export interface SaveInputs extends Pick<CheckoutInputs, 'repository' | 'githubServerUrl' | 'ref' | 'token'> {
  readonly workspace: string
  /** Absolute and inside `workspace`: where a clone may be. */
  readonly destination: string
  /** 1 for the tip alone, 0 for all of the history. */
  readonly depth: 0 | 1
  readonly minAgeMs: number
  /** Of zstd. */
  readonly level: number
}

/** Reads the inputs of save/action.yml without any I/O; throws INVALID_INPUT. */
export function parseSaveInputs(read: (name: string) => string, env: Environment): SaveInputs {
  const input = (name: string): Given => ({ label: `Input ${name}`, value: trimmed(read(name)) })
  // Before those of actions/checkout, to which more is a depth.
  const depth = parseDepth(orElse(input('fetch-depth'), '1'))
  const { repository, githubServerUrl, ref, token } = parseCheckoutInputs(input, env)
  return {
    repository,
    githubServerUrl,
    ref,
    token,
    ...parseDestination(input('path'), env),
    depth,
    minAgeMs: duration(input('min-age')),
    level: wholeNumber(input('level'), { least: 1, most: 19 }),
  }
}

function parseDepth(given: Given): SaveInputs['depth'] {
  if (given.value === '0') return 0
  if (given.value === '1') return 1
  throw refused(given, '0 for all of the history, or 1 for none of it, is allowed')
}
