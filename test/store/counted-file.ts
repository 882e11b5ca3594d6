import { writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { ByteStream } from '../../src/byte-stream.ts'
import { type DiskStreamOptions, diskStream } from '../../src/store/disk-stream.ts'
import { temporary } from '../support/temporary.ts'
import { turns } from '../support/turns.ts'

/** A file in which every read is counted, and can be held. */
export class CountedFile {
  readonly path: string
  readonly bytes: number
  readonly handle: FileHandle
  readEnd = 0
  reading = 0
  gate: Promise<void> = Promise.resolve()

  private constructor(path: string, bytes: number, handle: FileHandle) {
    this.path = path
    this.bytes = bytes
    this.handle = handle
    const original = handle.read.bind(handle) as (...args: unknown[]) => Promise<{ bytesRead: number }>
    const counted = async (memory: Uint8Array, { position }: { position: number }) => {
      this.reading += 1
      try {
        await this.gate
        const result = await original(memory, { position })
        this.readEnd = Math.max(this.readEnd, position + result.bytesRead)
        return result
      } finally {
        this.reading -= 1
      }
    }
    handle.read = counted as typeof handle.read
  }

  static async of(content: Buffer, path = join(temporary(), 'file')): Promise<CountedFile> {
    writeFileSync(path, content)
    const file = new CountedFile(path, content.length, await open(path))
    onTestFinished(() => file.handle.close())
    return file
  }

  stream(options: Partial<DiskStreamOptions> = {}): ByteStream {
    return diskStream(this, { signal: new AbortController().signal, ...options })
  }

  /** Resolves when nothing is read any more. */
  async quiet(): Promise<void> {
    for (let still = 0, before = -1; still < 50; still += 1) {
      if (this.reading > 0 || this.readEnd !== before) still = 0
      before = this.readEnd
      await turns()
    }
  }
}
