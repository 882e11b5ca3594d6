import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { FaultScript } from '../support/scripted-server.ts'
import type { Outcome } from './few-descriptors.ts'
import { pattern, startFetch } from './fixture.ts'
import { KiB } from './place.ts'

describe('a process that may open few files', () => {
  const bytes = pattern(20 * 64 * KiB)

  it.each([1, 2, 3])('F105: with room for %i more connections gets all over those', async (left) => {
    const { server } = await startFetch({ bytes, fault: () => ({ hold: delay(5) }) })
    expect(await withDescriptors(`${server.url}/object`, left)).toEqual({
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })
  })

  it('F105: with room for none fails with a word about the limit', async () => {
    const fault: FaultScript = ({ index }) => (index === 0 ? { finAfter: 100 } : undefined)
    const { server } = await startFetch({ bytes, fault })
    expect(await withDescriptors(`${server.url}/object`, 0)).toEqual({
      code: 'CONNECTION_FAILED',
      text: expect.stringContaining(
        'raise the limit of open files (ulimit -n), or lower the input concurrency',
      ),
    })
  })
})

async function withDescriptors(url: string, left: number): Promise<Outcome> {
  const program = join(import.meta.dirname, 'few-descriptors.ts')
  const { stdout } = await promisify(execFile)('/bin/sh', [
    '-c',
    'ulimit -n 200; exec "$@"',
    'sh',
    ...[process.execPath, program, url, String(left)],
  ])
  return JSON.parse(stdout)
}
