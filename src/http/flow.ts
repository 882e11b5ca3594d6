import type { ActionError } from '../errors.ts'
import type { Reply } from './exchange.ts'
import { type StallLimits, StallWatch } from './stall.ts'

/** Stops a body and lets it go on; of no effect once it is over. */
export interface Flow {
  pause(): void
  resume(): void
}

export interface FlowLimits {
  readonly stall: StallLimits
  /** The error for a body that no longer moves. */
  readonly stalled: (why: string) => ActionError
}

/** Hands on a body as it arrives, and drops one that stalls while it is not paused; the caller drops it in the end. */
export async function readFlow(
  reply: Reply,
  { stall, stalled }: FlowLimits,
  take: (bytes: Uint8Array, flow: Flow) => void,
): Promise<void> {
  const watch = new StallWatch(stall, (why) => reply.drop(stalled(why)))
  let isOver = false
  const flow = {
    pause: () => {
      watch.pause()
      reply.pause()
    },
    resume: () => {
      if (isOver) return
      watch.resume()
      reply.resume()
    },
  }
  try {
    await reply.read((bytes) => {
      watch.progress(bytes.length)
      take(bytes, flow)
    })
  } finally {
    isOver = true
    watch.pause()
  }
}
