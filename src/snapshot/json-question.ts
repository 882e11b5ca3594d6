import { ActionError } from '../errors.ts'
import { readBody } from '../http/body.ts'
import type { HttpClient } from '../http/client.ts'
import { placeOf } from '../http/failure.ts'
import type { ReplyHead } from '../http/reply-head.ts'
import type { StallLimits } from '../http/stall.ts'

export interface QuestionLimits {
  /** Until the end of the answer. */
  readonly timeoutMs: number
  /** The answer is held in memory. */
  readonly answerBytes: number
}

export interface QuestionOptions {
  readonly client: Pick<HttpClient, 'post'>
  readonly stall: StallLimits
  readonly limits: QuestionLimits
  /** The error for an answer that has another status than 200; default that of `readBody`. */
  readonly refusal?: (reply: ReplyHead) => ActionError
  readonly signal: AbortSignal
}

/** Posts a question in JSON, in one try, and gives the text of the answer. */
export async function ask(url: URL, question: unknown, options: QuestionOptions): Promise<string> {
  const { client, stall, limits, refusal, signal } = options
  const deadline = AbortSignal.timeout(limits.timeoutMs)
  const pieces: Buffer[] = []
  try {
    const reply = await client.post(url, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(question),
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
