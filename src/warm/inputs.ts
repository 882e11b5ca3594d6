import type { Environment } from '../environment.ts'
import { type Given, trimmed } from '../input-values.ts'
import { type AccessInputs, parseAccess } from '../inputs/access.ts'
import { type CheckoutInputs, parseCheckoutInputs } from '../inputs/checkout.ts'
import { parseSource, type SourceInputs } from '../inputs/source.ts'
import { parseStore } from '../inputs/store.ts'
import { type Inputs, parseMemory, parsePatience } from '../inputs.ts'

type Network = 'concurrency' | 'chunkBytes' | 'retries' | 'stallMs' | 'timeoutMs'

/** What the warm step is to do, parsed once. */
export interface WarmInputs
  extends Pick<CheckoutInputs, 'repository' | 'githubServerUrl' | 'ref' | 'token'>,
    Pick<Inputs, Network | 'store'>,
    AccessInputs,
    SourceInputs {}

/** Reads the inputs of warm/action.yml without any I/O; throws INVALID_INPUT. */
export function parseWarmInputs(read: (name: string) => string, env: Environment): WarmInputs {
  const input = (name: string): Given => ({ label: `Input ${name}`, value: trimmed(read(name)) })
  // However young the kept one is, its source is asked for a newer one.
  const storeInput = (name: string): Given =>
    name === 'store-max-age' ? { ...input(name), value: '0' } : input(name)
  const source = parseSource(input, env)
  const { repository, githubServerUrl, ref, token } = parseCheckoutInputs(input, env)
  return {
    ...source,
    repository,
    githubServerUrl,
    ref,
    token,
    ...parseAccess(read, source, env),
    ...parseMemory(input('concurrency'), input('chunk-size')),
    ...parsePatience(input),
    store: parseStore(storeInput, env),
  }
}
