import type { Inputs } from './inputs.ts'

const PROXY_VARIABLES = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY']
/** Shorter texts are in too many log lines to be masked. */
const LEAST_LENGTH = 6

/** What must never be read in the log: credentials in inputs, in signed URLs and in proxy addresses. */
export function secretsOf(
  { authorization, headers, url }: Pick<Inputs, 'authorization' | 'headers' | 'url'>,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const values = [authorization ?? '', ...headers.map(([, value]) => value)]
  const credentials = values.map((value) => value.slice(value.indexOf(' ') + 1))
  const signatures = [...(url?.searchParams.values() ?? [])]
  const passwords = PROXY_VARIABLES.flatMap((name) => passwordsIn(env[name]?.trim() ?? ''))
  const secrets = new Set([...values, ...credentials, ...signatures, ...passwords])
  return [...secrets].filter((secret) => secret.length >= LEAST_LENGTH)
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
