import { setImmediate as turn } from 'node:timers/promises'
import { apart } from './apart.ts'

/** What the program prints: resident bytes more than before the download. */
export interface Memory {
  readonly bytes: number
  readonly asleep: number
  readonly peak: number
}

/** Downloads from an address, first with a consumer that sleeps until nothing more comes, then to the end. */
async function run(url: URL, concurrency: number, chunkBytes: number): Promise<Memory> {
  const { client, open, stream } = apart(url, { concurrency, chunkBytes })
  const before = process.memoryUsage.rss()
  const source = stream(await open())
  const pieces = source[Symbol.asyncIterator]()
  let bytes = (await pieces.next()).value?.length ?? 0
  await quiet(client.traffic, concurrency * chunkBytes)
  const asleep = process.memoryUsage.rss() - before
  let peak = 0
  source.release(bytes)
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
    bytes += next.value.length
    source.release(bytes)
    peak = Math.max(peak, process.memoryUsage.rss() - before)
  }
  await client.close()
  return { bytes, asleep, peak }
}

/** Resolves when so much has come, or nothing any more for many turns of the event loop. */
async function quiet(traffic: { readonly bytes: number }, enough: number): Promise<void> {
  for (let still = 0, before = -1; still < 100_000 && (traffic.bytes < enough || still < 1000); still += 1) {
    if (traffic.bytes !== before) still = 0
    before = traffic.bytes
    await turn()
  }
}

if (process.argv[1] === import.meta.filename) {
  const [, , url = '', concurrency, chunkBytes] = process.argv
  process.stdout.write(JSON.stringify(await run(new URL(url), Number(concurrency), Number(chunkBytes))))
}
