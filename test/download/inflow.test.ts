import { describe, expect, it } from 'vitest'
import { Bell } from '../../src/bell.ts'
import { Inflow } from '../../src/download/inflow.ts'
import type { Flow } from '../../src/http/flow.ts'
import { Ring } from '../../src/ring.ts'
import { pattern } from './fixture.ts'

const BYTES = pattern(100)

/** A reply that gives so many bytes at a time, at once and until it is paused. */
class Pushing implements Flow {
  isPaused = false
  readonly #into: Inflow
  readonly #pieceBytes: number

  constructor(into: Inflow, pieceBytes: number) {
    this.#into = into
    this.#pieceBytes = pieceBytes
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
    while (!this.isPaused && this.#into.at < BYTES.length) {
      this.#into.take(BYTES.subarray(this.#into.at, this.#into.at + this.#pieceBytes), this)
    }
  }
}

function inflow(capacity: number): { ring: Ring; inflow: Inflow } {
  const ring = new Ring(capacity)
  return { ring, inflow: new Inflow(ring, { bell: new Bell(), signal: new AbortController().signal }) }
}

describe('an inflow', () => {
  it.each([1, 3, 10, 25])(
    'pauses a reply of %i bytes at a time as soon as the ring is full, every time',
    (pieceBytes) => {
      const { ring, inflow: flowing } = inflow(10)
      const reply = new Pushing(flowing, pieceBytes)
      reply.resume()
      for (let released = 1; released <= BYTES.length; released += 1) {
        expect(flowing.at).toBeLessThan(released - 1 + ring.capacity + 1 + pieceBytes)
        expect(reply.isPaused || flowing.at === BYTES.length).toBe(true)
        ring.release(Math.min(released, flowing.at))
        flowing.drain()
      }
      expect(flowing.at).toBe(BYTES.length)
      expect(flowing.drained).toBe(true)
    },
  )

  it('pauses the next reply too when one broke while it was paused', () => {
    const { inflow: flowing } = inflow(10)
    const broken = new Pushing(flowing, 20)
    broken.resume()
    expect(broken.isPaused).toBe(true)
    const next = new Pushing(flowing, 20)
    next.resume()
    expect(next.isPaused).toBe(true)
    expect(flowing.at).toBe(40)
  })

  it('gives back what a reply brought, and nothing that was there before', () => {
    const { ring, inflow: flowing } = inflow(10)
    const reply = new Pushing(flowing, 8)
    reply.resume()
    expect(flowing.at).toBe(16)
    flowing.take(BYTES.subarray(16, 20), reply)
    expect(flowing.takeBack(16)).toBe(true)
    expect(flowing.at).toBe(16)
    ring.release(10)
    flowing.drain()
    expect(Buffer.concat([...ring.views(10, 16)])).toEqual(BYTES.subarray(10, 16))
  })
})
