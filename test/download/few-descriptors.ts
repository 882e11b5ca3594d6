import { createHash } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { download } from '../../src/download/download.ts'
import { ActionError, describeError } from '../../src/errors.ts'
import { HttpClient } from '../../src/http/client.ts'
import { openSnapshot } from '../../src/snapshot/open.ts'

/** What the program prints. */
export type Outcome = { readonly sha256: string } | { readonly code: string; readonly text: string }

/** Takes every descriptor that the process may have, but so many. */
function leave(count: number): void {
  const taken: number[] = []
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    for (const descriptor of taken.splice(0, count)) closeSync(descriptor)
  }
}

/** Downloads from an address, eight chunks of 64 KiB at a time, when only so many descriptors are left. */
async function run(url: URL, left: number): Promise<Outcome> {
  const client = new HttpClient({
    env: {},
    secrets: { origin: url.origin, headers: {} },
    connectTimeoutMs: 10_000,
    connections: 8,
  })
  const { signal } = new AbortController()
  const attemptsFor = () => ({
    attempts: 3,
    budget: { left: 10 },
    remainingMs: () => Number.POSITIVE_INFINITY,
    random: () => 0,
    wait: async () => (left === 0 ? leave(0) : undefined),
    onRetry: () => {},
  })
  const options = {
    ...{ client, signal, attemptsFor, concurrency: 8, chunkBytes: 64 * 1024 },
    ...{ discoveryTimeoutMs: 60_000, headersTimeoutMs: 60_000 },
    stall: { idleMs: 60_000, bytesPerSecond: 1 },
  }
  try {
    const snapshot = await openSnapshot(url, options)
    leave(left)
    const stream = download(snapshot, options)
    const hash = createHash('sha256')
    let at = 0
    for await (const piece of stream) {
      hash.update(piece)
      at += piece.length
      stream.release(at)
    }
    return { sha256: hash.digest('hex') }
  } catch (error) {
    if (error instanceof ActionError) return { code: error.code, text: describeError(error) }
    throw error
  } finally {
    await client.close()
  }
}

if (process.argv[1] === import.meta.filename) {
  const [, , url = '', left] = process.argv
  process.stdout.write(JSON.stringify(await run(new URL(url), Number(left))))
}
