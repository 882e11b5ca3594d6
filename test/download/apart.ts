import type { ByteStream } from '../../src/byte-stream.ts'
import { download } from '../../src/download/download.ts'
import type { HttpClient } from '../../src/http/client.ts'
import type { ChunkLimits } from '../../src/http/ranges.ts'
import { openSnapshot, type Snapshot } from '../../src/snapshot/open.ts'
import { clientTo } from '../support/http-client.ts'

/** A download by a process of its own. */
export interface Apart {
  /** The caller closes it. */
  readonly client: HttpClient
  readonly open: () => Promise<Snapshot>
  readonly stream: (snapshot: Snapshot) => ByteStream
}

/** `onRetry` comes before each repeated request, which is made at once. */
export function apart(url: URL, limits: ChunkLimits, onRetry: () => void = () => {}): Apart {
  const client = clientTo(url, { connections: limits.concurrency })
  const attemptsFor = () => ({
    attempts: 3,
    budget: { left: 10 },
    remainingMs: () => Number.POSITIVE_INFINITY,
    random: () => 0,
    wait: async () => {},
    onRetry,
  })
  const options = {
    ...limits,
    ...{ client, attemptsFor, signal: new AbortController().signal },
    ...{ discoveryTimeoutMs: 60_000, headersTimeoutMs: 60_000 },
    stall: { idleMs: 60_000, bytesPerSecond: 1 },
  }
  return {
    client,
    open: () => openSnapshot(url, options),
    stream: (snapshot) => download(snapshot, options),
  }
}
