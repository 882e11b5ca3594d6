import { expect } from 'vitest'
import type { ByteStream } from '../../src/byte-stream.ts'
import { type InnerStreamOptions, innerStream } from '../../src/unpack/inner-stream.ts'
import { type TarEntry, tar, zstdFrame } from '../support/archive.ts'
import { MIB } from './decoded-frames.ts'

export const NAME = 'snapshot.tar.zst'

/** An archive of one file with this content, in one frame, as it is to be. */
export function wrapped(content: Buffer): Buffer {
  return wrappedEntries([{ name: NAME, body: content }])
}

export function wrappedEntries(entries: readonly TarEntry[]): Buffer {
  return zstdFrame(tar(entries), { checksum: true })
}

export function inner(outer: ByteStream, options: Partial<InnerStreamOptions> = {}): ByteStream {
  return innerStream(outer, { path: NAME, capacityBytes: MIB, maxBytes: 64 * MIB, ...options })
}

/** Reads all of a stream, keeping back so many bytes, which are to stay what they were until they are released. */
export async function read(stream: ByteStream, heldBytes = 0): Promise<Buffer> {
  const held: { readonly view: Uint8Array; readonly copy: Buffer; readonly end: number }[] = []
  const copies: Buffer[] = []
  let end = 0
  for await (const view of stream) {
    expect(view.length).toBeGreaterThan(0)
    const copy = Buffer.concat([view])
    copies.push(copy)
    end += view.length
    held.push({ view, copy, end })
    for (let oldest = held[0]; oldest !== undefined; oldest = held[0]) {
      if (end - oldest.end + oldest.view.length <= heldBytes) break
      expect(oldest.copy.equals(oldest.view)).toBe(true)
      oldest.view.fill(0xa5)
      stream.release(oldest.end)
      held.shift()
    }
  }
  for (const { view, copy } of held) expect(copy.equals(view)).toBe(true)
  return Buffer.concat(copies)
}
