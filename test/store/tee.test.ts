import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Backlog } from '../../src/store/backlog.ts'
import { tee } from '../../src/store/tee.ts'
import { turns } from '../support/turns.ts'
import { anyCuts, BufferStream, everyBytes, sampleBytes } from '../unpack/fixture.ts'
import { read, StorePlace, sha256Of } from './place.ts'

const CONTENT = sampleBytes(10_000)

/** Takes everything out of a backlog, as a disk does. */
async function drain(backlog: Backlog): Promise<Buffer> {
  const found: Buffer[] = []
  for (let pieces = await backlog.next(); pieces.length > 0; pieces = await backlog.next()) {
    found.push(...pieces.map((piece) => Buffer.from(piece)))
    backlog.done(pieces)
  }
  return Buffer.concat(found)
}

describe('a stream that is recorded', () => {
  it('gives every byte to its reader and to the disk, however it is cut, and whatever memory it has', async () => {
    const run = fc.record({
      cuts: anyCuts(CONTENT.length, 60),
      holdBytes: fc.nat({ max: 2000 }),
      memory: fc.constantFrom('whole' as const, 'pieces' as const),
    })
    await fc.assert(
      fc.asyncProperty(run, async (options) => {
        const [stream, backlog] = [new BufferStream(CONTENT, options), new Backlog()]
        const [passed, recorded] = await Promise.all([read(tee(stream, backlog)), drain(backlog)])
        expect(passed.equals(CONTENT)).toBe(true)
        expect(recorded.equals(CONTENT)).toBe(true)
        expect(stream.released).toBe(CONTENT.length)
      }),
      { seed: 20251122 },
    )
  })

  it('takes no more than its own memory: it stands still while the disk does', async () => {
    const stream = new BufferStream(CONTENT, { cuts: everyBytes(CONTENT.length, 100), holdBytes: 1000 })
    const backlog = new Backlog()
    const reading = read(tee(stream, backlog))
    await stream.untilDelivered(1100)
    await turns(50)
    expect([stream.delivered, stream.released]).toEqual([1100, 0])
    const first = await backlog.next()
    expect(first).toHaveLength(11)
    backlog.done(first)
    await stream.untilDelivered(2200)
    await turns(50)
    expect([stream.delivered, stream.released]).toEqual([2200, 1100])
    await drain(backlog)
    expect(await reading).toEqual(CONTENT)
  })

  it('gives back nothing that its reader has not released, however fast the disk is', async () => {
    const stream = new BufferStream(CONTENT, { cuts: everyBytes(CONTENT.length, 100) })
    const backlog = new Backlog()
    const recorded = drain(backlog)
    const passed = tee(stream, backlog)
    expect(Buffer.concat(await Array.fromAsync(passed))).toEqual(CONTENT)
    await recorded
    expect(stream.released).toBe(0)
    passed.release(700)
    expect(stream.released).toBe(700)
  })

  it('goes on alone when the recording ends, and gives back what that held', async () => {
    const stream = new BufferStream(CONTENT, { cuts: everyBytes(CONTENT.length, 100), holdBytes: 1000 })
    const backlog = new Backlog()
    const reading = read(tee(stream, backlog))
    await stream.untilDelivered(1100)
    backlog.drop()
    expect(await reading).toEqual(CONTENT)
    expect(stream.released).toBe(CONTENT.length)
    expect(backlog.isWhole).toBe(false)
  })

  it('may hold as much, and is cancelled, as the stream itself', async () => {
    const stream = new BufferStream(CONTENT, { cuts: [100], holdBytes: 0 })
    const [backlog, reason] = [new Backlog(), new Error('enough')]
    const passed = tee(stream, backlog)
    expect(passed.holdBytes).toBe(0)
    const pieces = passed[Symbol.asyncIterator]()
    await pieces.next()
    passed.cancel(reason)
    await expect(pieces.next()).rejects.toBe(reason)
    expect(backlog.isWhole).toBe(false)
    expect(await backlog.next()).toEqual([])
  })

  it('ends with its own error, and is not whole then', async () => {
    const failure = new Error('reset')
    const backlog = new Backlog()
    const reading = read(tee(new BufferStream(CONTENT, { failure }), backlog))
    await expect(reading).rejects.toBe(failure)
    expect(backlog.isWhole).toBe(false)
  })

  it('comes to the disk as it came from its source, though what is released is overwritten at once', async () => {
    const place = new StorePlace()
    const recorder = place.recorder(CONTENT.length)
    const cuts = everyBytes(CONTENT.length, 7)
    expect(await read(recorder.tee(new BufferStream(CONTENT, { cuts, holdBytes: 300 })))).toEqual(CONTENT)
    expect(await recorder.commit()).toBe('kept')
    expect((await place.reader()).facts.sha256).toBe(sha256Of(CONTENT))
    expect(await place.content()).toEqual(CONTENT)
  })
})
