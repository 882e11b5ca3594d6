import { createHash } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { ActionError, describeError } from '../../src/errors.ts'
import { apart } from './apart.ts'

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
  const limits = { concurrency: 8, chunkBytes: 64 * 1024 }
  const { client, open, stream } = apart(url, limits, () => {
    if (left === 0) leave(0)
  })
  try {
    const snapshot = await open()
    leave(left)
    const bytes = stream(snapshot)
    const hash = createHash('sha256')
    let at = 0
    for await (const piece of bytes) {
      hash.update(piece)
      at += piece.length
      bytes.release(at)
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
