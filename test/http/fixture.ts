import { expect, onTestFinished } from 'vitest'
import { describeError } from '../../src/errors.ts'
import type { ClientOptions, GetOptions, HttpClient } from '../../src/http/client.ts'
import type { Reply } from '../../src/http/exchange.ts'
import { attemptsWorth } from '../../src/http/retry.ts'
import { asking, clientTo } from '../support/http-client.ts'
import { type ObjectServer, type ObjectServerOptions, startObjectServer } from '../support/object-server.ts'

export const BYTES = Buffer.from('the bytes of the object')
export const SECRETS = { authorization: 'Bearer t0p-s3cret', 'x-key': 'another-s3cret' }
/** A user and a password as they stand in an address, and a query that is signed. */
export const CREDENTIALS = 'runner:pr0xy%20s3cret'
export const SIGNED = '?sig=s1gnature'

/** A server of `BYTES`; ended with the test. */
export async function serve(options: ObjectServerOptions = {}): Promise<ObjectServer> {
  const server = await startObjectServer({ bytes: BYTES, ...options })
  onTestFinished(() => server.close())
  return server
}

/** A client that has `SECRETS` for the origin of an address; ended with the test. */
export function clientFor(address: string, settings: Partial<ClientOptions> = {}): HttpClient {
  const client = clientTo(address, {
    secrets: { origin: new URL(address).origin, headers: SECRETS },
    ...settings,
  })
  onTestFinished(() => client.close())
  return client
}

export function get(client: HttpClient, url: string, wishes: Partial<GetOptions> = {}): Promise<Reply> {
  return client.get(new URL(url), asking(wishes))
}

export async function bodyOf(reply: Reply): Promise<string> {
  const pieces: Buffer[] = []
  await reply.read((bytes) => pieces.push(Buffer.from(bytes)))
  return Buffer.concat(pieces).toString()
}

interface Failure {
  readonly code: string
  readonly text: string
  /** How many more attempts it is worth. */
  readonly worth: number
}

/** The error that a promise must reject with, checked to keep every secret. */
export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (failure: unknown) => failure,
  )
  const text = describeError(error)
  expect(text).not.toMatch(/s3cret|s1gnature|runner:/)
  return { code: (error as { code: string }).code, text, worth: attemptsWorth(error) }
}
