import type { Environment } from '../environment.ts'
import { type Given, inherited, invalid, refused, trimmed } from '../input-values.ts'
import { checkHeaderValue, type Header, parseHeaders } from './request-headers.ts'
import type { SourceInputs } from './source.ts'

/** What lets a step in where its snapshots are. At most one of them is an Authorization. */
export interface AccessInputs {
  readonly authorization: string | undefined
  readonly headers: readonly Header[]
  /** For whom an ID token is asked of the runner; undefined where none is wanted. */
  readonly oidcAudience: string | undefined
}

export function parseAccess(
  read: (name: string) => string,
  source: SourceInputs,
  env: Environment,
): AccessInputs {
  const input = (name: string): Given => ({ label: `Input ${name}`, value: trimmed(read(name)) })
  const [given, audience] = [input('authorization'), input('oidc-audience')]
  if (audience.value === '') {
    const authorization = parseAuthorization(given, source, env)
    return { authorization, headers: parseHeaders(read('headers'), authorization), oidcAudience: undefined }
  }
  const headers = parseHeaders(read('headers'), undefined)
  const isDouble = given.value !== '' || headers.some(([name]) => name.toLowerCase() === 'authorization')
  if (isDouble)
    throw invalid(
      'Input oidc-audience is set beside an Authorization (inputs authorization, headers): one of the two is allowed',
    )
  return { authorization: undefined, headers, oidcAudience: parseAudience(audience, source) }
}

/** What the runner has for its server is not for the address of another one. */
function parseAuthorization(given: Given, source: SourceInputs, env: Environment): string | undefined {
  const { label, value } = source.source !== 'cachew' ? given : inherited(given, env, 'CACHEW_AUTHORIZATION')
  if (value === '') return undefined
  checkHeaderValue(value, label)
  return value
}

/** Where nobody is to be sent a token, none is asked for. */
function parseAudience(given: Given, { source }: SourceInputs): string | undefined {
  if (!/^[\x20-\x7e]{1,255}$/.test(given.value)) {
    throw refused(given, 'one line of at most 255 ASCII characters is allowed')
  }
  return source === 'cachew' || source === 'url' ? given.value : undefined
}
