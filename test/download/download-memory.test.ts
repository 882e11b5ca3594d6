import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { StoredObject } from '../support/stored-object.ts'
import { startFetch } from './fixture.ts'
import type { Memory } from './memory-apart.ts'
import { KiB, MiB } from './place.ts'

const SIZE = 1024 * MiB
const SLACK = 64 * MiB

it.each([
  [1, MiB],
  [2, MiB],
  [8, MiB],
  [8, 8 * MiB],
])(
  'F107: 1 GiB takes no more than its window, while the consumer sleeps and after (%i at a time, chunks of %i bytes)',
  async (concurrency, chunkBytes) => {
    const { server } = await startFetch({ objects: { '/object': zeros } })
    const program = join(import.meta.dirname, 'memory-apart.ts')
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[program, `${server.url}/object`, String(concurrency), String(chunkBytes)],
    ])
    const { bytes, asleep, peak }: Memory = JSON.parse(stdout)
    expect(bytes).toBe(SIZE)
    const most = 2 * concurrency * chunkBytes + SLACK
    expect(asleep).toBeLessThan(most)
    expect(peak).toBeLessThan(most)
  },
)

const piece = Buffer.alloc(256 * KiB)

/** More bytes than there should ever be in memory. */
const zeros: StoredObject = {
  size: SIZE,
  etag: '"v1"',
  *read(start, end) {
    for (let at = start; at < end; at += piece.length)
      yield piece.subarray(0, Math.min(piece.length, end - at))
  },
}
