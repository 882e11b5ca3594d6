import type { Flow } from '../http/flow.ts'
import type { Ring } from '../ring.ts'
import { Landing, type Wake } from './landing.ts'

/** A whole object from one reply, in a ring that may be far smaller: while it is full the reply is paused. */
export class Inflow extends Landing {
  readonly #ring: Ring
  /** What came when the ring was full; at most what was read from the socket before the reply paused. */
  #overflow: Uint8Array[] = []
  #paused: Flow | undefined

  constructor(ring: Ring, wake: Wake) {
    super(0, wake)
    this.#ring = ring
  }

  override get at(): number {
    return this.#overflow.reduce((place, bytes) => place + bytes.length, this.received)
  }

  /** Whether everything that came is in the ring. */
  get drained(): boolean {
    return this.#overflow.length === 0
  }

  override take(bytes: Uint8Array, flow: Flow): void {
    this.#store(bytes)
    if (this.drained || this.#paused === flow) return
    this.#paused = flow
    flow.pause()
  }

  override takeBack(from: number): boolean {
    while (!this.drained && this.at > from) this.#overflow.pop()
    return this.at === from || super.takeBack(from)
  }

  /** Goes on where the ring was full; called after it has released bytes. */
  drain(): void {
    const waiting = this.#overflow
    this.#overflow = []
    for (const bytes of waiting) this.#store(bytes)
    if (!this.drained) return
    const paused = this.#paused
    this.#paused = undefined // before it goes on, since it may have more at once
    paused?.resume()
  }

  protected override views(from: number, to: number): Iterable<Uint8Array> {
    return this.#ring.views(from, to)
  }

  #store(bytes: Uint8Array): void {
    const room = this.drained ? this.#ring.limit - this.received : 0
    const fitting = Math.min(bytes.length, room)
    if (fitting > 0) {
      this.#ring.write(this.received, bytes.subarray(0, fitting))
      this.landed(fitting)
    }
    if (fitting < bytes.length) this.#overflow.push(new Uint8Array(bytes.subarray(fitting)))
  }
}
