import { withRetries } from '../http/attempts.ts'
import type { HttpClient } from '../http/client.ts'
import type { Reply } from '../http/exchange.ts'
import { placeOf } from '../http/failure.ts'
import { readFlow } from '../http/flow.ts'
import { TransientError } from '../http/retry.ts'
import { openSnapshot, type Snapshot } from '../snapshot/open.ts'
import type { Patience } from '../source/patience.ts'

/** How an address is asked, and by whom. */
export interface Asking {
  readonly url: URL
  readonly client: Pick<HttpClient, 'get'>
  /** Until the reply's head is there; 0 for as long as the step may take. */
  readonly discoveryTimeoutMs: number
  readonly patience: Patience
}

/** So little that the rest of a reply may come for nothing. */
const BEGINNING = { concurrency: 2, chunkBytes: 64 * 1024 } as const

/** What becomes of the body; afterwards its connection is free. */
type Ending = (snapshot: Snapshot, patience: Patience) => Promise<void>

/** One ranged request, as a restore begins, and what becomes of the body; both once more where either broke. */
export function ask({ client, patience, ...asking }: Asking, end: Ending): Promise<Snapshot> {
  const { signal } = patience
  const inOneTry = (): ReturnType<Patience['attemptsFor']> => ({
    ...patience.attemptsFor(1, signal),
    attempts: 0,
  })
  const opening = { ...BEGINNING, ...asking, client, attemptsFor: inOneTry, signal }
  return withRetries(
    async () => {
      const snapshot = await openSnapshot(asking.url, opening)
      await end(snapshot, patience)
      return snapshot
    },
    patience.attemptsFor(1, signal),
  )
}

export async function dropped(snapshot: Snapshot): Promise<void> {
  replyOf(snapshot)?.drop()
}

/** What is being made is read to its end, anything else dropped. */
export async function readIfCold(snapshot: Snapshot, { stall }: Patience): Promise<void> {
  const reply = replyOf(snapshot)
  try {
    if (reply === undefined || !isCold(snapshot)) return
    const stalled = (why: string): TransientError =>
      new TransientError('STALLED', `${placeOf(reply.url)} stalled while it made the snapshot: ${why}`)
    await readFlow(reply, { stall, stalled }, () => {})
  } finally {
    reply?.drop()
  }
}

function replyOf(snapshot: Snapshot): Reply | undefined {
  if (snapshot.kind === 'empty') return undefined
  return snapshot.kind === 'ranges' ? snapshot.first.reply : snapshot.reply
}

/** What is sent while it is made has neither an ETag nor a length. */
export function isCold({ kind, etag, total }: Snapshot): boolean {
  return kind === 'stream' && etag === undefined && total === undefined
}
