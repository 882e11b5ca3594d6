import { ActionError } from '../errors.ts'
import { readBody } from '../http/body.ts'
import type { GetOptions, HttpClient } from '../http/client.ts'
import type { Reply } from '../http/exchange.ts'
import { placeOf } from '../http/failure.ts'
import type { ReplyHead } from '../http/reply-head.ts'
import type { StallLimits } from '../http/stall.ts'

export interface QuestionLimits {
  /** Until the end of the answer. */
  readonly timeoutMs: number
  /** The answer is held in memory. */
  readonly answerBytes: number
}

export interface AnswerOptions {
  readonly stall: StallLimits
  readonly limits: QuestionLimits
  /** The error for an answer that has another status than 200; default that of `readBody`. */
  readonly refusal?: (reply: ReplyHead) => ActionError
  readonly signal: AbortSignal
}

export interface QuestionOptions extends AnswerOptions {
  readonly client: Pick<HttpClient, 'post'>
}

/** Posts a question in JSON, in one try, and gives the text of the answer. */
export function ask(url: URL, question: unknown, options: QuestionOptions): Promise<string> {
  const body = JSON.stringify(question)
  const headers = { 'content-type': 'application/json' }
  return answerTo(url, (request) => options.client.post(url, { ...request, headers, body }), options)
}

/** The text that an address answers with, in one try. */
export function read(
  url: URL,
  options: AnswerOptions & { readonly client: Pick<HttpClient, 'get'> },
): Promise<string> {
  return answerTo(url, (request) => options.client.get(url, { ...request, headers: {} }), options)
}

async function answerTo(
  url: URL,
  send: (request: Omit<GetOptions, 'headers'>) => Promise<Reply>,
  { stall, limits, refusal, signal }: AnswerOptions,
): Promise<string> {
  const deadline = AbortSignal.timeout(limits.timeoutMs)
  const pieces: Buffer[] = []
  try {
    const reply = await send({
      headersTimeoutMs: limits.timeoutMs,
      signal: AbortSignal.any([signal, deadline]),
    })
    if (reply.status !== 200 && refusal !== undefined) {
      reply.drop()
      throw refusal(reply)
    }
    await readBody(reply, { stall, maxBytes: limits.answerBytes }, (bytes) => pieces.push(Buffer.from(bytes)))
  } catch (error) {
    if (!deadline.aborted || error instanceof ActionError) throw error
    const message = `${placeOf(url)} did not answer within ${limits.timeoutMs / 1000} s`
    throw new ActionError('TIMEOUT', message, { cause: error })
  }
  return Buffer.concat(pieces).toString()
}
