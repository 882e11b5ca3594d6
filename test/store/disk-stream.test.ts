import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ByteStream } from '../../src/byte-stream.ts'
import { diskStream } from '../../src/store/disk-stream.ts'
import { deferred } from '../support/deferred.ts'
import { temporary } from '../support/temporary.ts'
import { turns } from '../support/turns.ts'
import { sampleBytes } from '../unpack/fixture.ts'
import { CountedFile } from './counted-file.ts'
import { read } from './place.ts'

const CONTENT = sampleBytes(10_000)

describe('a file as a stream', () => {
  it('gives every byte, whatever the ring, the releases and what is held', async () => {
    const path = join(temporary(), 'file')
    const run = fc.record({
      bytes: fc.integer({ min: 1, max: 3000 }),
      ringBytes: fc.integer({ min: 32, max: 1500 }),
      held: fc.array(fc.nat({ max: 1 << 20 }), { minLength: 1, maxLength: 20 }),
    })
    await fc.assert(
      fc.asyncProperty(run, async ({ bytes, ringBytes, held }) => {
        const content = sampleBytes(bytes, bytes)
        writeFileSync(path, content)
        const handle = await open(path)
        try {
          const stream = diskStream(
            { handle, bytes, path },
            { signal: new AbortController().signal, ringBytes },
          )
          expect(await readHolding(stream, held)).toEqual(content)
        } finally {
          await handle.close()
        }
      }),
      { seed: 20251122, numRuns: 200 },
    )
  })

  it('that fits into the ring lies in one view, however it was read', async () => {
    const file = await CountedFile.of(CONTENT)
    const pieces = await Array.fromAsync(file.stream({ ringBytes: 2 * CONTENT.length }))
    const [first] = pieces
    let end = first?.byteOffset
    for (const { buffer, byteOffset, length } of pieces) {
      expect([buffer, byteOffset]).toEqual([first?.buffer, end])
      end = byteOffset + length
    }
    expect(Buffer.concat(pieces)).toEqual(CONTENT)
  })

  it('is read no further than the ring while nothing is released', async () => {
    const file = await CountedFile.of(CONTENT)
    const stream = file.stream({ ringBytes: 320 })
    const pieces = stream[Symbol.asyncIterator]()
    let taken = 0
    while (taken < 320) taken += (await pieces.next()).value?.length ?? 0
    const more = pieces.next()
    await file.quiet()
    expect([taken, file.readEnd]).toEqual([320, 320])
    stream.release(100)
    expect((await more).value?.length).toBe(10)
    await file.quiet()
    expect(file.readEnd).toBe(420)
    await pieces.return?.()
  })

  it('is read ahead of a consumer that is busy', async () => {
    const file = await CountedFile.of(CONTENT)
    const pieces = file.stream({ ringBytes: 320 })[Symbol.asyncIterator]()
    expect((await pieces.next()).value?.length).toBe(10)
    await file.quiet()
    expect(file.readEnd).toBe(320)
    await pieces.return?.()
  })

  it('goes on when its file is removed', async () => {
    const file = await CountedFile.of(CONTENT)
    const pieces = file.stream({ ringBytes: 320 })
    rmSync(file.path)
    expect(await read(pieces)).toEqual(CONTENT)
  })

  it('of which a part is missing fails where that begins', async () => {
    const file = await CountedFile.of(CONTENT)
    const stream = file.stream({ ringBytes: 320 })
    truncateSync(file.path, 5000)
    await expect(read(stream)).rejects.toMatchObject({
      code: 'TRUNCATED',
      message: `${file.path} gave 5000 of 10000 bytes`,
    })
  })

  it('fails with the cause where the disk does', async () => {
    const file = await CountedFile.of(CONTENT)
    const failure = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
    file.gate = Promise.reject(failure)
    await expect(read(file.stream())).rejects.toMatchObject({ code: 'TRUNCATED', cause: failure })
  })
})

describe('a file that is being read', () => {
  it.each([['cancelled'], ['aborted']])('stops when it is %s, also while it waits for room', async (how) => {
    const file = await CountedFile.of(CONTENT)
    const controller = new AbortController()
    const stream = file.stream({ ringBytes: 320, signal: controller.signal })
    const pieces = stream[Symbol.asyncIterator]()
    await pieces.next()
    await file.quiet()
    const reason = new Error(how)
    if (how === 'cancelled') stream.cancel(reason)
    else controller.abort(reason)
    await expect(pieces.next()).rejects.toBe(reason)
    await file.quiet()
    expect(file.readEnd).toBe(320)
  })

  it('is not begun where that was aborted before', async () => {
    const file = await CountedFile.of(CONTENT)
    const reason = new Error('aborted')
    await expect(read(file.stream({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
    expect(file.readEnd).toBe(0)
  })

  it('reads nothing any more once its consumer has stopped', async () => {
    const file = await CountedFile.of(CONTENT)
    const pieces = file.stream({ ringBytes: 320 })[Symbol.asyncIterator]()
    await pieces.next()
    await file.quiet()
    const gate = deferred()
    file.gate = gate.promise
    const stopped = pieces.return?.()
    gate.resolve()
    await stopped
    expect(file.reading).toBe(0)
  })

  it('waits for what it is just reading before it ends', async () => {
    const file = await CountedFile.of(CONTENT)
    const stream = file.stream()
    const gate = deferred()
    file.gate = gate.promise
    const reason = new Error('enough')
    const reading = read(stream).catch((error: unknown) => error)
    while (file.reading === 0) await turns()
    stream.cancel(reason)
    await turns(20)
    expect(file.reading).toBe(1)
    gate.resolve()
    expect(await reading).toBe(reason)
    expect(file.reading).toBe(0)
  })
})

/** Reads as a consumer that keeps back, at each piece in turn, as much as it may of what these numbers say. */
async function readHolding(stream: ByteStream, held: readonly number[]): Promise<Buffer> {
  const pieces: Buffer[] = []
  const views: Uint8Array[] = []
  let [at, index, released] = [0, 0, 0]
  for await (const piece of stream) {
    views.push(piece)
    at += piece.length
    const keep = Math.min((held[index++ % held.length] ?? 0) % (stream.holdBytes + 1), at - released)
    // Only what is released may have changed: the rest is copied as late as can be.
    while (views[0] !== undefined && released + views[0].length <= at - keep) {
      released += views[0].length
      pieces.push(Buffer.from(views.shift() as Uint8Array))
    }
    stream.release(released)
  }
  return Buffer.concat([...pieces, ...views])
}
