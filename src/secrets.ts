import type { Environment } from './environment.ts'
import type { Inputs } from './inputs.ts'

const PROXY_VARIABLES = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY']
/** Shorter texts are in too many log lines to be masked. */
const LEAST_LENGTH = 6

/** A step may not have all of these inputs. */
type Sources = Partial<Pick<Inputs, 'authorization' | 'headers' | 'url' | 'token' | 'ssh'>>

/** What must never be read in the log: credentials in inputs, in signed URLs and in proxy addresses. */
export function secretsOf(
  { authorization, headers = [], url, token, ssh }: Sources,
  env: Environment,
): readonly string[] {
  const values = [authorization ?? '', ...headers.map(([, value]) => value)]
  const credentials = values.map((value) => value.slice(value.indexOf(' ') + 1))
  const signatures = [...(url?.searchParams.values() ?? [])]
  const passwords = PROXY_VARIABLES.flatMap((name) => passwordsIn(env[name]?.trim() ?? ''))
  const own = [...formsOf(token ?? ''), ...linesOf(ssh?.key ?? '')]
  const runtime = [env.ACTIONS_RUNTIME_TOKEN ?? '', env.ACTIONS_ID_TOKEN_REQUEST_TOKEN ?? '']
  const secrets = new Set([...values, ...credentials, ...signatures, ...passwords, ...own, ...runtime])
  return [...secrets].filter((secret) => secret.length >= LEAST_LENGTH)
}

/** A token, and how git sends it. */
function formsOf(token: string): readonly string[] {
  return token === '' ? [] : [token, Buffer.from(`x-access-token:${token}`).toString('base64')]
}

/** The log is searched line by line. The lines around a key are the same in every key. */
function linesOf(key: string): readonly string[] {
  return key
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => !line.startsWith('-----'))
}

/** The password of a proxy's address, which may lack its scheme: as it is written, and what it stands for. */
function passwordsIn(proxy: string): readonly string[] {
  const address = proxy.includes('://') ? proxy : `http://${proxy}`
  if (!URL.canParse(address)) return []
  const { password } = new URL(address)
  try {
    return [password, decodeURIComponent(password)]
  } catch {
    return [password]
  }
}
