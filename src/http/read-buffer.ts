import type { OnReadOpts, Socket } from 'node:net'

/** The most that one read takes from a socket. */
const READ_BYTES = 256 * 1024
const BUFFER_BYTES = 2 * READ_BYTES
const SMALL_READ_BYTES = 64 * 1024
/** What an HTTP parser may still hold views of: the fields of one head. */
const HEAD_BYTES = 16 * 1024

/**
 * Lets a socket read into one buffer again and again instead of into 64 KiB of fresh memory each time: half
 * the CPU of receiving. A view stays valid while its bytes are unread or part of an unfinished head; whoever
 * reads them from the socket copies what it keeps before it returns. Bounded by 512 KiB a socket, and once
 * more that where a paused reader leaves so much unread that the buffer has to be left to it.
 */
export class ReadBuffer {
  /** The high water mark for a socket that reads so: reading stops only for a reader that is paused. */
  static readonly highWaterMark = BUFFER_BYTES

  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #at = 0
  /** Where the lap before ended in this buffer; Infinity in its first, when all after `#at` is free. */
  #lapEnd = Number.POSITIVE_INFINITY
  #socket: Socket | undefined

  readonly onread: OnReadOpts = {
    buffer: () => this.#nextRegion(),
    callback: (length, region) => {
      this.#at += length
      return this.#socket?.push(region.subarray(0, length)) ?? false
    },
  }

  attach(socket: Socket): void {
    this.#socket = socket
  }

  /** Where the next read goes: never over the last bytes read that are still of use. */
  #nextRegion(): Uint8Array {
    const kept = (this.#socket?.readableLength ?? 0) + HEAD_BYTES
    const keptBefore = Math.max(0, kept - this.#at)
    let limit = keptBefore === 0 ? BUFFER_BYTES : Math.min(BUFFER_BYTES, this.#lapEnd - keptBefore)
    if (limit - this.#at < SMALL_READ_BYTES && keptBefore === 0) {
      limit = this.#at - kept
      this.#lapEnd = this.#at
      this.#at = 0
    }
    if (limit - this.#at < SMALL_READ_BYTES) {
      this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
      this.#lapEnd = Number.POSITIVE_INFINITY
      this.#at = 0
      limit = BUFFER_BYTES
    }
    return this.#buffer.subarray(this.#at, Math.min(this.#at + READ_BYTES, limit))
  }
}
