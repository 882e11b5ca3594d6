import { ActionError } from '../errors.ts'
import { placeOf } from './failure.ts'

const REDIRECTS = new Set([301, 302, 303, 307, 308])
const MAX_REDIRECTS = 5

interface RedirectingReply {
  readonly url: URL
  readonly status: number
  header(name: string): string | undefined
}

export function isRedirect({ status }: Pick<RedirectingReply, 'status'>): boolean {
  return REDIRECTS.has(status)
}

/** Where a redirect sends us, after `hops` redirects already. */
export function redirectTarget(reply: Omit<RedirectingReply, 'status'>, hops: number): URL {
  const refuse = (why: string): ActionError =>
    new ActionError('BAD_REDIRECT', `${placeOf(reply.url)} redirects ${why}; it is not followed`)
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
