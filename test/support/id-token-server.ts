import type { Environment } from '../../src/environment.ts'
import { type FaultScript, type ScriptedServer, startScriptedServer } from './scripted-server.ts'
import { textAnswer } from './stored-object.ts'

export const REQUEST_TOKEN = 'request-t0ken-of-the-job'

export type IdTokenServer = ScriptedServer & {
  /** What the runner sets for a job with the permission `id-token: write`. */
  readonly env: Environment
  /** Every token that was given, the newest last. */
  readonly issued: readonly string[]
  /** Has a server answer nobody but the owner of the newest token. */
  readonly wanted: FaultScript
}

/** Gives ID tokens as GitHub does: by GET, to who has the job's request token, for the audience in the query. */
export async function startIdTokenServer(fault?: FaultScript): Promise<IdTokenServer> {
  const issued: string[] = []
  const server = await startScriptedServer((request) => {
    const { searchParams, pathname } = new URL(request.url ?? '/', 'http://server')
    const isKnown = request.headers.authorization === `Bearer ${REQUEST_TOKEN}`
    if (pathname !== '/idtoken/job' || searchParams.get('api-version') !== '2.0') return textAnswer(404, '')
    if (!isKnown || request.method !== 'GET') return textAnswer(401, 'who are you?')
    const claims = { aud: searchParams.get('audience'), jti: issued.length }
    const value = [{ alg: 'RS256' }, claims, 'signature'].map(part).join('.')
    issued.push(value)
    return textAnswer(200, JSON.stringify({ count: value.length, value }))
  }, fault)
  return {
    ...server,
    issued,
    env: {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${server.url}/idtoken/job?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN,
    },
    wanted: ({ headers }) =>
      headers.authorization === `Bearer ${issued.at(-1)}` ? undefined : { status: 401 },
  }
}

function part(content: unknown): string {
  return Buffer.from(JSON.stringify(content)).toString('base64url')
}

/** Whom a token is for. */
export function audienceOf(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).aud
}
