import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReadBuffer } from '../../src/http/read-buffer.ts'

const KiB = 1024
/** What an HTTP parser may hold views of, beyond what is unread. */
const HEAD_BYTES = 16 * KiB

/** Counts upwards in 32 bits: no two places look alike, so that an overwritten byte shows. */
const COUNTING = Buffer.from(Uint32Array.from({ length: 2 ** 22 }, (_, index) => index).buffer)

/** A socket as Node runs it: asks for a region, reads into it, hands it over, asks for the next. */
class FakeSocket {
  readonly readable = new Readable({ highWaterMark: ReadBuffer.highWaterMark, read() {} })
  readonly memories = new Set<ArrayBufferLike>()
  received = 0
  #region: Uint8Array
  readonly #buffer = new ReadBuffer()

  constructor() {
    this.#region = this.#next()
    this.#buffer.attach(this.readable as unknown as Socket)
  }

  get roomBytes(): number {
    return this.#region.length
  }

  /** One read of so many bytes; false when the socket would read no more until it is asked to. */
  receive(bytes: number): boolean {
    const region = this.#region
    region.fill(0xee) // a read may fill all of it
    region.set(COUNTING.subarray(this.received, this.received + bytes))
    this.received += bytes
    const goesOn = this.#buffer.onread.callback(bytes, region)
    this.#region = this.#next()
    return goesOn
  }

  #next(): Uint8Array {
    const { buffer } = this.#buffer.onread
    const region = typeof buffer === 'function' ? buffer() : buffer
    this.memories.add(region.buffer)
    return region
  }
}

describe('a read buffer', () => {
  it('never reads over bytes that are unread, or part of an unfinished head', () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 256 * KiB }))
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('receive' as const), size }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), size }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('readAll' as const), size }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('pause' as const), size }) },
    )
    fc.assert(fc.property(fc.array(step, { minLength: 20, maxLength: 150 }), neverOverwrites), {
      seed: 20251122,
      numRuns: 150,
    })
  })

  /** `pause` is what the parser does: it reads all there is and puts back what it has not got to. */
  function neverOverwrites(
    steps: readonly { kind: 'receive' | 'read' | 'readAll' | 'pause'; size: number }[],
  ): void {
    const socket = new FakeSocket()
    const head: { at: number; view: Buffer }[] = []
    let read = 0
    const take = (view: Buffer): void => {
      expectAt(view, read)
      head.push({ at: read, view })
      read += view.length
      while ((head[0]?.at ?? read) + (head[0]?.view.length ?? 0) < read - HEAD_BYTES) head.shift()
    }
    for (const { kind, size } of steps) {
      const { readable } = socket
      if (kind === 'receive') {
        if (readable.readableLength < ReadBuffer.highWaterMark)
          socket.receive(Math.min(size, socket.roomBytes))
      } else {
        const bytes = kind === 'read' ? Math.min(size, readable.readableLength) : readable.readableLength
        const view: Buffer | null = bytes === 0 ? null : readable.read(bytes)
        if (view === null) continue
        const taken = kind === 'pause' ? Math.min(size % KiB, view.length) : view.length
        if (taken < view.length) readable.unshift(view.subarray(taken))
        if (taken > 0) take(view.subarray(0, taken))
      }
      for (const { at, view } of head) {
        const from = Math.max(0, read - HEAD_BYTES - at)
        if (from < view.length) expectAt(view.subarray(from), at + from)
      }
    }
    const rest: Buffer | null = socket.readable.read()
    if (rest !== null) take(rest)
    expect(read).toBe(socket.received)
  }

  function expectAt(view: Buffer, place: number): void {
    expect(view.equals(COUNTING.subarray(place, place + view.length))).toBe(true)
  }

  it('reads into the same memory again and again', () => {
    const socket = new FakeSocket()
    for (let read = 0; read < 500; read += 1) {
      socket.receive(Math.min(socket.roomBytes, 20_000))
      socket.readable.read()
    }
    expect(socket.memories.size).toBe(1)
  })

  it.each([1, 100, 1448, 16 * KiB, 64 * KiB, 256 * KiB])(
    'takes no more than a second memory for a reader that is paused, in reads of %i bytes',
    (bytes) => {
      const socket = new FakeSocket()
      socket.receive(300 * KiB > socket.roomBytes ? socket.roomBytes : 300 * KiB)
      socket.receive(150 * KiB)
      socket.readable.read(20 * KiB)
      while (socket.receive(Math.min(bytes, socket.roomBytes)) && socket.memories.size < 4) {}
      expect(socket.memories.size).toBeLessThanOrEqual(2)
      const unread: Buffer = socket.readable.read()
      expectAt(unread, socket.received - unread.length)
    },
  )

  it('always has room for a read of some size', () => {
    const socket = new FakeSocket()
    let least = socket.roomBytes
    for (let read = 0; read < 2000; read += 1) {
      if (!socket.receive(Math.min(socket.roomBytes, 1 + ((read * 7919) % 60_000)))) socket.readable.read()
      least = Math.min(least, socket.roomBytes)
    }
    expect(least).toBeGreaterThanOrEqual(64 * KiB)
  })
})
