import { ActionError } from '../errors.ts'
import { placeOf } from './failure.ts'
import type { ReplyHead } from './reply-head.ts'

const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Those after which the method and the body stay as they are (RFC 9110, 15.4). */
const REPEATS = new Set([307, 308])
const MAX_REDIRECTS = 5

export function isRedirect({ status }: ReplyHead): boolean {
  return REDIRECTS.has(status)
}

/** Where a redirect sends us, after `hops` redirects already. */
export function redirectTarget(reply: ReplyHead, hops: number): URL {
  const refuse = (why: string): ActionError => refusal(reply, why)
  if (hops >= MAX_REDIRECTS) throw refuse(`for more than ${MAX_REDIRECTS} times`)
  const location = reply.header('location')
  if (location === undefined || !URL.canParse(location, reply.url.href))
    throw refuse('without a valid Location')
  const target = new URL(location, reply.url)
  if (target.protocol !== 'https:' && target.protocol !== 'http:') throw refuse(`to ${target.protocol}`)
  if (reply.url.protocol === 'https:' && target.protocol === 'http:') throw refuse('from https to http')
  if (target.username !== '' || target.password !== '') throw refuse('to a URL with a user name')
  target.hash = ''
  return target
}

/** As `redirectTarget`, for a request with a body: only where the same is to be sent again, to the same origin. */
export function repeatTarget(reply: ReplyHead, hops: number): URL {
  if (!REPEATS.has(reply.status)) throw refusal(reply, `a request with a body by ${reply.status}`)
  const target = redirectTarget(reply, hops)
  if (target.origin !== reply.url.origin) throw refusal(reply, `a request with a body to ${target.origin}`)
  return target
}

function refusal({ url }: ReplyHead, why: string): ActionError {
  return new ActionError('BAD_REDIRECT', `${placeOf(url)} redirects ${why}; it is not followed`)
}
