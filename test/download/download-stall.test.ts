import { describe, expect, it } from 'vitest'
import { StallWatch } from '../../src/http/stall.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { CHUNK, failureOf, pattern, rangesOf, startFetch } from './fixture.ts'
import { Reader } from './reader.ts'

const BYTES = pattern(6 * CHUNK)
const STALL_MS = 60

describe('a server that stalls', () => {
  it.each([
    ['the first chunk', 0, 'bytes=3-15'],
    ['a later chunk', 2 * CHUNK, 'bytes=35-47'],
  ])('in %s is left, and the chunk is completed on another connection', async (_, place, rest) => {
    const fault: FaultScript = ({ start }) => (start === place ? { stallAfter: 3 } : undefined)
    const { read, retried, server } = await startFetch({ bytes: BYTES, stallMs: STALL_MS, fault })
    expect(await read()).toEqual(BYTES)
    expect(retried.map(String)).toEqual([expect.stringContaining(`stalled at byte ${place + 3}`)])
    expect(rangesOf(server)).toContain(rest)
    await server.until(() => server.active() === 0)
  })

  it('by dripping is left too, since it brings less than the floor', async () => {
    const bytes = pattern(512)
    const fault: FaultScript = ({ index }) => (index === 1 ? { drip: { everyMs: 5 } } : undefined)
    const settings = { bytes, chunkBytes: 256, stallMs: STALL_MS, floor: 1000, fault }
    const { read, retried, server } = await startFetch(settings)
    expect((await read()).equals(bytes)).toBe(true)
    expect(retried.map(String)).toEqual([expect.stringMatching(/only \d+ bytes in 0\.06 s/)])
    await server.until(() => server.active() === 0)
  })

  it('in one body is left, and the body goes on where it was', async () => {
    const fault: FaultScript = ({ index }) => (index === 0 ? { stallAfter: 20 } : undefined)
    const { read, server } = await startFetch({ bytes: BYTES, concurrency: 1, stallMs: STALL_MS, fault })
    expect(await read()).toEqual(BYTES)
    expect(rangesOf(server)).toEqual([undefined, 'bytes=20-95'])
  })

  it('every time is an error that says so', async () => {
    const fault: FaultScript = ({ start }) => (start >= CHUNK ? { stallAfter: 0 } : undefined)
    const { read, server } = await startFetch({ bytes: BYTES, stallMs: STALL_MS, retries: 1, fault })
    const { code, text } = await failureOf(read())
    expect(code).toBe('STALLED')
    expect(text).toContain('no byte for 0.06 s')
    expect(text).toContain(`${server.url}/object`)
    await server.until(() => server.active() === 0)
  })
})

describe('a consumer that holds back for longer than the stall limit', () => {
  it('is not mistaken for a server that stalls', async () => {
    const bytes = pattern(100_000)
    const { stream, server, retried } = await startFetch({ bytes, concurrency: 1, stallMs: STALL_MS })
    const reader = new Reader(await stream(), { holdsBack: true })
    const first = await reader.take(2 * CHUNK)
    expect(first).toHaveLength(2 * CHUNK)
    for (let times = 0; times < 3; times += 1) await stallElsewhere()
    reader.holdBackNoMore()
    expect(Buffer.concat([first, await reader.rest()]).equals(bytes)).toBe(true)
    expect(retried).toEqual([])
    expect(server.log).toHaveLength(1)
  })

  it('is not mistaken for one while whole chunks wait for it', async () => {
    const { stream, retried } = await startFetch({ bytes: BYTES, stallMs: STALL_MS })
    const reader = new Reader(await stream())
    const first = await reader.take(1)
    for (let times = 0; times < 3; times += 1) await stallElsewhere()
    expect(Buffer.concat([first, await reader.rest()])).toEqual(BYTES)
    expect(retried).toEqual([])
  })
})

/** Lets as much time pass as makes a silent reply a stalled one. */
function stallElsewhere(): Promise<unknown> {
  return new Promise((resolve) => new StallWatch({ idleMs: STALL_MS, bytesPerSecond: 1 }, resolve))
}
