import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import { ActionError, describeError } from '../errors.ts'
import { readBody } from '../http/body.ts'
import type { HttpClient } from '../http/client.ts'
import type { Reply } from '../http/exchange.ts'
import { placeOf } from '../http/failure.ts'
import type { StallLimits } from '../http/stall.ts'
import { ask } from './json-question.ts'

export interface ShortcutLimits {
  /** Until the head of a bundle, and until the end of an answer. */
  readonly timeoutMs: number
  readonly bundleBytes: number
  /** What `ensureRefs` is answered, which is held in memory. */
  readonly answerBytes: number
}

export const SHORTCUT_LIMITS: ShortcutLimits = {
  timeoutMs: 60_000,
  bundleBytes: 1024 ** 3,
  answerBytes: 1024 ** 2,
}

export interface ShortcutOptions {
  readonly client: Pick<HttpClient, 'get' | 'post'>
  readonly stall: StallLimits
  readonly limits: ShortcutLimits
  /** Aborted, it rejects with the reason. Any other failure is `unavailable`. */
  readonly signal: AbortSignal
  /** Told why a shortcut is unavailable. */
  readonly log: (line: string) => void
}

/**
 * Brings the bundle that leads from the snapshot's commit to the server's newest, in one try. A file that is
 * `ready` begins as a bundle does, git is to prove the rest; one that is not complete is removed.
 */
export function fetchBundle(
  url: URL,
  options: ShortcutOptions & { readonly file: string },
): Promise<'ready' | 'up-to-date' | 'unavailable'> {
  return orUnavailable(bundle(url, options), 'no bundle from the server', options)
}

/** Asks the server, in one try, to fetch a commit from the origin where its mirror does not have it. */
export function ensureRefs(
  url: URL,
  commit: string,
  options: ShortcutOptions,
): Promise<'present' | 'missing' | 'unavailable'> {
  return orUnavailable(ensure(url, commit, options), `no word from the server on ${commit}`, options)
}

async function orUnavailable<T>(
  shortcut: Promise<T>,
  what: string,
  { signal, log }: ShortcutOptions,
): Promise<T | 'unavailable'> {
  try {
    return await shortcut
  } catch (error) {
    signal.throwIfAborted()
    log(`${what}: ${describeError(error)}`)
    return 'unavailable'
  }
}

async function bundle(
  url: URL,
  options: ShortcutOptions & { readonly file: string },
): Promise<'ready' | 'up-to-date'> {
  const { client, limits, signal, file } = options
  const reply = await client.get(url, { headers: {}, headersTimeoutMs: limits.timeoutMs, signal })
  if (reply.status === 204) {
    reply.drop()
    return 'up-to-date'
  }
  try {
    await save(reply, file, options)
    return 'ready'
  } catch (error) {
    await rm(file, { force: true })
    throw error
  }
}

/** Writes a bundle as it comes; the reply pauses while the disk is behind. */
async function save(reply: Reply, file: string, { limits, stall }: ShortcutOptions): Promise<void> {
  const sink = createWriteStream(file, { mode: 0o600 })
  const closed = finished(sink)
  closed.catch((error: unknown) => reply.drop(error))
  let head = ''
  try {
    await readBody(reply, { stall, maxBytes: limits.bundleBytes }, (bytes, flow) => {
      if (head.length < HEAD_BYTES) head += Buffer.from(bytes.subarray(0, HEAD_BYTES)).toString('latin1')
      if (sink.write(Buffer.from(bytes))) return
      flow.pause()
      sink.once('drain', flow.resume)
    })
    if (!BUNDLE_HEAD.test(head)) {
      throw new ActionError('PROTOCOL_ERROR', `${placeOf(reply.url)} sent no git bundle`)
    }
    sink.end()
    await closed
  } catch (error) {
    sink.destroy()
    await closed.catch(() => {})
    throw error
  }
}

const BUNDLE_HEAD = /^# v[23] git bundle\n/
const HEAD_BYTES = 16

async function ensure(url: URL, commit: string, options: ShortcutOptions): Promise<'present' | 'missing'> {
  const text = await ask(url, { commits: [commit] }, options)
  return missingCommits(text, url).includes(commit) ? 'missing' : 'present'
}

/** Cachew always tells whether it fetched, and leaves the list of what is missing out where it is empty. */
function missingCommits(text: string, url: URL): readonly unknown[] {
  const odd = (cause?: unknown): ActionError =>
    new ActionError('PROTOCOL_ERROR', `${placeOf(url)} did not answer as Cachew does`, { cause })
  try {
    const { fetched, missing_commits: missing } = JSON.parse(text)
    if (typeof fetched === 'boolean' && (missing === undefined || Array.isArray(missing)))
      return missing ?? []
  } catch (error) {
    throw odd(error)
  }
  throw odd()
}
