import { describe, expect, it, onTestFinished } from 'vitest'
import type { Environment } from '../../src/environment.ts'
import { describeError } from '../../src/errors.ts'
import { IdToken } from '../../src/source/id-token.ts'
import { never } from '../support/deferred.ts'
import { audienceOf, REQUEST_TOKEN, startIdTokenServer } from '../support/id-token-server.ts'
import type { FaultScript } from '../support/scripted-server.ts'

const AUDIENCE = 'https://cachew.example/?a=1&b=ü'
const MINUTE_MS = 60_000

async function serve(fault?: FaultScript) {
  const server = await startIdTokenServer(fault)
  onTestFinished(() => server.close())
  return server
}

/** A token of a job with this environment; when it is, says the test. */
function idTokenIn(env: Environment) {
  const clock = { ms: 0 }
  const secrets: string[] = []
  const attemptsFor = () => ({
    attempts: 2,
    budget: { left: 2 },
    remainingMs: () => Number.POSITIVE_INFINITY,
    random: () => 0,
    wait: async () => {},
    onRetry: () => {},
  })
  const idToken = new IdToken({
    audience: AUDIENCE,
    env,
    stall: { idleMs: 30_000, bytesPerSecond: 1 },
    attemptsFor,
    signal: new AbortController().signal,
    onSecret: (text) => secrets.push(text),
    now: () => clock.ms,
  })
  onTestFinished(() => idToken.close())
  return { idToken, clock, secrets }
}

/** A token that was given, by a service that fails from then on. */
async function heldWhileDown() {
  const service = { isDown: false }
  const server = await serve(() => (service.isDown ? { status: 500 } : undefined))
  const { idToken, clock } = idTokenIn(server.env)
  const first = await idToken.token()
  service.isDown = true
  return { server, service, idToken, clock, first }
}

async function failureIn(env: Environment): Promise<string> {
  const error = await idTokenIn(env)
    .idToken.token()
    .catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'NO_ID_TOKEN' })
  const words = describeError(error)
  expect(words).toMatch(/^the runner gave no ID token for the input oidc-audience/)
  expect(words).not.toContain(REQUEST_TOKEN)
  return words
}

describe('the ID token', () => {
  it('is asked of the runner for its audience, once, and is a secret', async () => {
    const server = await serve()
    const { idToken, secrets } = idTokenIn(server.env)
    const tokens = await Promise.all([idToken.token(), idToken.token(), idToken.token()])
    expect(new Set(tokens)).toEqual(new Set(server.issued))
    expect(secrets).toEqual(server.issued)
    expect(audienceOf(tokens[0])).toBe(AUDIENCE)
    expect(server.log).toMatchObject([
      { method: 'GET', headers: { authorization: `Bearer ${REQUEST_TOKEN}` }, status: 200 },
    ])
  })

  it('is asked for anew before it is five minutes old, once for all who want it', async () => {
    const server = await serve()
    const { idToken, clock } = idTokenIn(server.env)
    const first = await idToken.token()
    clock.ms = 3.9 * MINUTE_MS
    expect(await idToken.token()).toBe(first)
    clock.ms = 4 * MINUTE_MS
    const later = await Promise.all([idToken.token(), idToken.token()])
    expect(server.issued).toEqual([first, later[0]])
    expect(later[1]).toBe(later[0])
  })

  it('that was refused is asked for anew, once for all who were refused with it', async () => {
    const server = await serve()
    const { idToken } = idTokenIn(server.env)
    const first = await idToken.token()
    const [second, third] = await Promise.all([idToken.renewed(first), idToken.renewed(first)])
    expect(server.issued).toEqual([first, second])
    expect(third).toBe(second)
    expect(await idToken.token()).toBe(second)
  })

  it('goes on where a new one is not to be had, for as long as it holds', async () => {
    const { server, service, idToken, clock, first } = await heldWhileDown()
    clock.ms = 4 * MINUTE_MS
    expect(await Promise.all([idToken.token(), idToken.token()])).toEqual([first, first])
    clock.ms = 5 * MINUTE_MS
    await expect(idToken.token()).rejects.toMatchObject({ code: 'NO_ID_TOKEN' })
    service.isDown = false
    expect(await idToken.token()).toBe(server.issued.at(-1))
  })

  it('that was refused is not given again, and a later one asks anew', async () => {
    const { server, service, idToken, clock, first } = await heldWhileDown()
    await expect(idToken.renewed(first)).rejects.toMatchObject({ code: 'NO_ID_TOKEN' })
    clock.ms = 4 * MINUTE_MS
    await expect(idToken.token()).rejects.toMatchObject({ code: 'NO_ID_TOKEN' })
    service.isDown = false
    expect(await idToken.renewed(first)).toBe(server.issued.at(-1))
  })

  it('is asked for once where the first question fails', async () => {
    const server = await serve(() => ({ status: 403 }))
    const { idToken } = idTokenIn(server.env)
    await expect(idToken.token()).rejects.toMatchObject({ code: 'NO_ID_TOKEN' })
    await expect(idToken.token()).rejects.toMatchObject({ code: 'NO_ID_TOKEN' })
    expect(server.log).toHaveLength(1)
  })

  it('is asked for again where the service is busy', async () => {
    const server = await serve(({ index }) => (index < 2 ? { status: 503 } : undefined))
    expect(await idTokenIn(server.env).idToken.token()).toBe(server.issued.at(-1))
    expect(server.log).toHaveLength(3)
  })

  it('is missing, with what to do, where the job has no permission for it', async () => {
    for (const env of [{}, { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://token.example/' }]) {
      expect(await failureIn(env)).toContain(
        `add "id-token: write" to the job's permissions; pull requests from forks never get it`,
      )
    }
  })

  it.each(['http://token.example/x?y=1', 'ftp://token.example/', 'no address'])(
    'is not asked for at %j, where others could read the request token',
    async (address) => {
      const env = { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN }
      expect(await failureIn(env)).toContain('ACTIONS_ID_TOKEN_REQUEST_URL is no https:// address')
    },
  )

  it.each([
    ['a refusal', { status: 403 }, 'answered 403'],
    ['no JSON', { body: 'hidden-words' }, 'did not answer with a token'],
    ['another JSON', { body: 'null' }, 'did not answer with a token'],
    ['what is no token', { body: '{"value":"two\\r\\nX-Evil: lines"}' }, 'did not answer with a token'],
    ['no end of errors', { status: 503 }, 'gave up after 3 attempts'],
    ['a broken connection', { drop: 'reset' }, 'gave up after 3 attempts'],
    ['too much', { body: 'x'.repeat(70_000) }, 'sends more than 65536 bytes'],
  ] as const)('is missing where the answer is %s', async (_, fault, words) => {
    const { env } = await serve(() => fault)
    const failure = await failureIn(env)
    expect(failure).toContain(words)
    expect(failure).not.toContain('hidden-words')
  })

  it('is not waited for by a step that ends', async () => {
    const server = await serve(() => ({ hold: never }))
    const { idToken } = idTokenIn(server.env)
    const token = idToken.token()
    token.catch(() => {})
    await server.until(() => server.log.length === 1)
    await idToken.close()
    await expect(token).rejects.toThrow()
    await server.until(() => server.active() === 0)
  })
})
