import { describe, expect, it } from 'vitest'
import { tar } from '../support/archive.ts'
import { turns } from '../support/turns.ts'
import { LARGE_PLAIN, MIB } from './decoded-frames.ts'
import { BufferStream, everyBytes, handFrame, sampleBytes } from './fixture.ts'
import { inner, NAME, read, wrapped } from './inner-archive.ts'

const OUTER = wrapped(LARGE_PLAIN)

/** A stream that stands still when an archive's header and 50,000 bytes have come, decoded at once, of its frame. */
function halfOf(archive: Buffer): BufferStream {
  const [first, second] = [archive.subarray(0, 50_512), archive.subarray(50_512)]
  const blocks = [first, second].map((content) => ({ type: 'raw', content }) as const)
  const bytes = handFrame({ windowByte: 7 << 3, blocks })
  const stream = new BufferStream(bytes, { cuts: [bytes.length - second.length - 3], holdBytes: 0 })
  stream.release = () => {}
  return stream
}

/** Reads without releasing anything. */
async function readTo(place: number, iterator: AsyncIterator<Uint8Array>): Promise<void> {
  let end = 0
  while (end < place) end += (await iterator.next()).value.length
  expect(end).toBe(place)
}

describe('a stream that is given up', () => {
  const failure = new Error('the network is gone')

  it.each([failure, 'a word'])('from outside before it begins ends with the reason: %s', async (reason) => {
    const stream = new BufferStream(OUTER)
    const content = inner(stream)
    content.cancel(reason)
    await expect(read(content)).rejects.toBe(reason)
    expect(stream).toMatchObject({ cancelled: { reason }, delivered: 0, ended: true })
  })

  it.each([failure, 'a word'])(
    'from outside while it waits for its source ends with the reason: %s',
    async (reason) => {
      const stream = halfOf(tar([{ name: NAME, body: sampleBytes(100_000) }]))
      const content = inner(stream)
      const iterator = content[Symbol.asyncIterator]()
      await readTo(50_000, iterator)
      const next = iterator.next()
      content.cancel(reason)
      await expect(next).rejects.toBe(reason)
      expect(stream).toMatchObject({ cancelled: { reason }, ended: true })
    },
  )

  it.each([failure, 'a word'])(
    'from outside while it waits for room ends with the reason: %s',
    async (reason) => {
      const stream = new BufferStream(OUTER, { cuts: everyBytes(OUTER.length, MIB) })
      const content = inner(stream)
      const iterator = content[Symbol.asyncIterator]()
      await readTo(MIB, iterator)
      const next = iterator.next()
      await turns(20)
      content.cancel(reason)
      await expect(next).rejects.toBe(reason)
      expect(await iterator.next()).toEqual({ done: true, value: undefined })
      expect(stream).toMatchObject({ cancelled: { reason }, ended: true })
    },
  )

  it('by its consumer is cancelled, and nothing runs on', async () => {
    const stream = new BufferStream(OUTER, { cuts: everyBytes(OUTER.length, MIB) })
    for await (const _ of inner(stream)) break
    expect(stream.cancelled).toBeDefined()
    expect(stream.ended).toBe(true)
  })

  it('does not begin before its first bytes are asked for', async () => {
    const stream = new BufferStream(OUTER)
    await inner(stream)[Symbol.asyncIterator]().return?.()
    expect(stream.delivered).toBe(0)
  })
})
