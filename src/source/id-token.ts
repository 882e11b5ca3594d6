import type { Environment } from '../environment.ts'
import { ActionError } from '../errors.ts'
import { type Attempts, withRetries } from '../http/attempts.ts'
import { type Bearer, HttpClient, type Secrets } from '../http/client.ts'
import { placeOf, statusError } from '../http/failure.ts'
import { isLoopback } from '../http/proxy.ts'
import type { ReplyHead } from '../http/reply-head.ts'
import { isRetryStatus } from '../http/retry.ts'
import type { StallLimits } from '../http/stall.ts'
import type { Inputs } from '../inputs.ts'
import type { Context } from '../job.ts'
import { read } from '../snapshot/json-question.ts'
import { PATIENCE, type Patience } from './patience.ts'

export interface IdTokenOptions {
  /** Whom it is for. */
  readonly audience: string
  readonly env: Environment
  readonly stall: StallLimits
  readonly attemptsFor: (questions: number, signal: AbortSignal) => Attempts
  readonly signal: AbortSignal
  /** Told each token, before anybody else is. */
  readonly onSecret: (text: string) => void
  /** In milliseconds, from any beginning. */
  readonly now: () => number
}

interface Held {
  readonly token: string
  readonly askedAt: number
}

const LIMITS = { timeoutMs: 10_000, answerBytes: 64 * 1024 } as const
/** GitHub's tokens hold for so long. */
const VALID_MS = 5 * 60_000
/** Older ones are renewed before they are sent, if there is a new one to be had. */
const FRESH_MS = 4 * 60_000
/** What may follow the word Bearer (RFC 6750, 2.1). */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/

/** The ID token that the runner gives this job, asked for when it is first needed. Close it. */
export class IdToken implements Bearer {
  readonly #options: IdTokenOptions
  readonly #over = new AbortController()
  #asked: Promise<Held> | undefined
  #renewal: Promise<Held> | undefined
  #refused: string | undefined

  constructor(options: IdTokenOptions) {
    this.#options = options
  }

  async token(): Promise<string> {
    const asked = this.#first()
    const held = await asked
    if (this.#ageMsOf(held) < FRESH_MS) return held.token
    try {
      return (await this.#inPlaceOf(asked)).token
    } catch (error) {
      if (held.token === this.#refused || this.#ageMsOf(held) >= VALID_MS) throw error
      return held.token
    }
  }

  async renewed(refused: string): Promise<string> {
    const asked = this.#first()
    const { token } = await asked
    if (token !== refused) return token
    this.#refused = refused
    return (await this.#inPlaceOf(asked)).token
  }

  /** Nothing is asked any more when it resolves. */
  async close(): Promise<void> {
    this.#over.abort()
    await Promise.allSettled([this.#asked, this.#renewal])
  }

  #first(): Promise<Held> {
    this.#asked ??= this.#ask()
    return this.#asked
  }

  #ageMsOf({ askedAt }: Held): number {
    return this.#options.now() - askedAt
  }

  /** What was asked after an answer that will not do: many may find that out at once, and one of them asks. */
  #inPlaceOf(useless: Promise<Held>): Promise<Held> {
    if (this.#asked !== useless) return this.#first()
    this.#renewal ??= this.#renew()
    return this.#renewal
  }

  /** One that fails is forgotten: what was held stays. */
  async #renew(): Promise<Held> {
    try {
      const held = await this.#ask()
      this.#asked = Promise.resolve(held)
      return held
    } finally {
      this.#renewal = undefined
    }
  }

  async #ask(): Promise<Held> {
    const { audience, env, attemptsFor, stall, onSecret, now } = this.#options
    const signal = AbortSignal.any([this.#options.signal, this.#over.signal])
    const { url, secrets } = endpointFor(audience, env)
    const { connectTimeoutMs } = PATIENCE
    const client = new HttpClient({ env, secrets, connectTimeoutMs, connections: 1 })
    try {
      const askedAt = now()
      const question = { client, stall, limits: LIMITS, refusal, signal }
      const token = tokenIn(await withRetries(() => read(url, question), attemptsFor(1, signal)))
      if (token === undefined) throw noToken(`${placeOf(url)} did not answer with a token`)
      onSecret(token)
      return { token, askedAt }
    } catch (error) {
      signal.throwIfAborted()
      throw error instanceof ActionError && error.code === 'NO_ID_TOKEN' ? error : noToken('', error)
    } finally {
      await client.close()
    }
  }
}

/** The token that a step's inputs want, asked for at once: by when it is needed it may be there. */
export function idTokenFor(
  { oidcAudience: audience }: Pick<Inputs, 'oidcAudience'>,
  { env, signal, onSecret }: Pick<Context, 'env' | 'signal' | 'onSecret'>,
  { stall, discoveryAttempts: attemptsFor }: Pick<Patience, 'stall' | 'discoveryAttempts'>,
): IdToken | undefined {
  if (audience === undefined) return undefined
  const now = (): number => performance.now()
  const idToken = new IdToken({ audience, env, stall, attemptsFor, signal, onSecret, now })
  idToken.token().catch(() => {})
  return idToken
}

/** Whom the runner has the job ask, and with what. */
function endpointFor(audience: string, env: Environment): { readonly url: URL; readonly secrets: Secrets } {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address = '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: token = '' } = env
  if (address === '' || token === '') {
    const missing = 'ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN are not set'
    throw noToken(
      `${missing}: add "id-token: write" to the job's permissions; pull requests from forks never get it`,
    )
  }
  const url = URL.canParse(address) ? new URL(address) : undefined
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url))
  if (url === undefined || !isSafe) throw noToken('ACTIONS_ID_TOKEN_REQUEST_URL is no https:// address')
  url.search += `${url.search === '' ? '?' : '&'}audience=${encodeURIComponent(audience)}`
  return { url, secrets: { origin: url.origin, headers: { authorization: `Bearer ${token}` } } }
}

function refusal(reply: ReplyHead): ActionError {
  if (isRetryStatus(reply.status)) return statusError(reply, Date.now())
  return noToken(`${placeOf(reply.url)} answered ${reply.status}`)
}

/** What is wrong with the text is not told: it may hold the token. */
function tokenIn(text: string): string | undefined {
  try {
    const { value } = JSON.parse(text) ?? {}
    return typeof value === 'string' && TOKEN.test(value) ? value : undefined
  } catch {
    return undefined
  }
}

function noToken(why: string, cause?: unknown): ActionError {
  const what = 'the runner gave no ID token for the input oidc-audience'
  return new ActionError('NO_ID_TOKEN', why === '' ? what : `${what}: ${why}`, { cause })
}
