import { describe, expect, it } from 'vitest'
import { deferred } from '../support/deferred.ts'
import type { Fault } from '../support/fault.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { BYTES, SIZE } from './faulty-chunk.ts'
import { failureOf, pattern, rangesOf, startFetch } from './fixture.ts'
import { Reader } from './reader.ts'

describe('one body', () => {
  const WHOLE = { bytes: BYTES, concurrency: 1 }

  it.each<[string, Fault, string]>([
    ['of known length', {}, `bytes=40-${SIZE - 1}`],
    ['of unknown length', { chunked: true }, 'bytes=40-'],
  ])('%s goes on where it broke, given a strong ETag', async (_, how, range) => {
    const fault: FaultScript = ({ index }) => (index === 0 ? { ...how, finAfter: 40 } : undefined)
    const { read, server } = await startFetch({ ...WHOLE, fault })
    expect(await read()).toEqual(BYTES)
    expect(server.log.map(({ range, ifMatch }) => [range, ifMatch])).toEqual([
      [undefined, undefined],
      [range, '"v1"'],
    ])
  })

  it('of unknown length is complete when it broke after its last byte', async () => {
    const fault: FaultScript = ({ index }) => (index === 0 ? { chunked: true, finAfter: SIZE } : undefined)
    const { read, server } = await startFetch({ ...WHOLE, fault })
    expect(await read()).toEqual(BYTES)
    expect(rangesOf(server)).toEqual([undefined, `bytes=${SIZE}-`])
  })

  it.each([
    ['is of another ETag', { etag: '"v2"' }],
    ['is larger', { contentRange: 'bytes */102' }],
  ])('of unknown length has changed when what lies beyond its last byte %s', async (_, changed) => {
    const fault: FaultScript = ({ index }) => (index === 0 ? { chunked: true, finAfter: SIZE } : changed)
    const { read } = await startFetch({ ...WHOLE, fault })
    expect(await failureOf(read())).toMatchObject({ code: 'SNAPSHOT_CHANGED' })
  })

  it.each<[string, Fault]>([
    ['of known length', {}],
    ['of unknown length', { chunked: true }],
  ])('%s is an error when it breaks without a strong ETag', async (_, how) => {
    const fault: FaultScript = () => ({ ...how, finAfter: 40 })
    const { read, server } = await startFetch({ ...WHOLE, etag: null, fault })
    const { text } = await failureOf(read())
    expect(text).toContain('without a strong ETag it cannot be resumed')
    expect(text).toContain(`${server.url}/object`)
    expect(server.log).toHaveLength(1)
  })

  it('is not mixed up by a break, and a reply of too many bytes, while the ring is full', async () => {
    const bytes = pattern(5000)
    const tooMany = {
      status: 206,
      body: Buffer.concat([bytes.subarray(2000), Buffer.alloc(4)]),
      headers: { etag: '"v1"', 'content-range': 'bytes 2000-4999/5000' },
      chunked: true,
    } as const
    const broken = deferred()
    const fault: FaultScript = ({ index }) => {
      if (index === 1) return tooMany
      return index === 0
        ? { chunked: true, pause: { after: 2000, until: broken.promise }, resetAfter: 2000 }
        : undefined
    }
    const { stream, server, retried } = await startFetch({ ...WHOLE, bytes, fault })
    const reader = new Reader(await stream(), { holdsBack: true })
    const first = await reader.take(1)
    broken.resolve()
    await server.until(() => server.log.length === 3)
    reader.holdBackNoMore()
    expect(Buffer.concat([first, await reader.rest()])).toEqual(bytes)
    expect(retried).toHaveLength(2)
    expect(rangesOf(server)).toEqual([undefined, 'bytes=2000-', 'bytes=2000-4999'])
  })
})
