import { getCACertificates } from 'node:tls'
import type { Environment } from '../environment.ts'

/**
 * The authorities that this process trusts, as PEM, where NODE_EXTRA_CA_CERTS adds to them: other programs do not
 * know that variable. Those that Node brings are among them, since a program that is given a list trusts no other.
 */
export function extendedAuthorities(env: Environment): string | undefined {
  return env.NODE_EXTRA_CA_CERTS ? getCACertificates('default').join('\n') : undefined
}
