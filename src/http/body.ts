import { ActionError } from '../errors.ts'
import type { Reply } from './exchange.ts'
import { placeOf } from './failure.ts'
import { type Flow, readFlow } from './flow.ts'
import { announcedLength, refuseContentEncoding } from './headers.ts'
import type { StallLimits } from './stall.ts'

export interface BodyLimits {
  readonly stall: StallLimits
  readonly maxBytes: number
}

/** Hands on the body of a 200 as it arrives; any other reply, and one too long or stalled, is ended and refused. */
export async function readBody(
  reply: Reply,
  { stall, maxBytes }: BodyLimits,
  take: (bytes: Uint8Array, flow: Flow) => void,
): Promise<void> {
  let received = 0
  const stalled = (why: string): ActionError =>
    new ActionError('STALLED', `${placeOf(reply.url)} stalled at byte ${received}: ${why}`)
  try {
    refuseHead(reply, maxBytes)
    await readFlow(reply, { stall, stalled }, (bytes, flow) => {
      received += bytes.length
      if (received > maxBytes) reply.drop(tooLong(reply, maxBytes))
      else take(bytes, flow)
    })
  } finally {
    reply.drop()
  }
}

function refuseHead(reply: Reply, maxBytes: number): void {
  if (reply.status !== 200) {
    throw new ActionError('PROTOCOL_ERROR', `${placeOf(reply.url)} answered ${reply.status}`)
  }
  refuseContentEncoding(reply)
  if ((announcedLength(reply) ?? 0) > maxBytes) throw tooLong(reply, maxBytes)
}

function tooLong(reply: Reply, maxBytes: number): ActionError {
  return new ActionError('LIMIT_EXCEEDED', `${placeOf(reply.url)} sends more than ${maxBytes} bytes`)
}
