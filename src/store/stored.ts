import { type FileHandle, open } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { ByteStream } from '../byte-stream.ts'
import { claim, removeTree } from './claim.ts'
import { diskStream } from './disk-stream.ts'
import { removeEntry, setTime, touch } from './entry.ts'
import { checkedAt, type Facts } from './facts.ts'
import { CONTENT, FACTS } from './layout.ts'

interface Opened {
  readonly entry: string
  readonly facts: Facts
  readonly now: () => number
  readonly handle: FileHandle
  /** What says that this process reads; a store that cannot be written to has none. */
  readonly lease: string | undefined
  readonly checkedMsAgo: number
}

/** A snapshot on disk, open: whoever removes it does not take it away from its reader. Close it. */
export class Stored {
  readonly facts: Facts
  /** Since its source was last known to have it; infinite where the clock has been put back. */
  readonly checkedMsAgo: number
  readonly #opened: Opened
  #closing: Promise<void> | undefined

  private constructor(opened: Opened) {
    this.facts = opened.facts
    this.checkedMsAgo = opened.checkedMsAgo < 0 ? Number.POSITIVE_INFINITY : opened.checkedMsAgo
    this.#opened = opened
  }

  /** Undefined where the file is not what its facts say; rejects where it cannot be opened. */
  static async open(entry: string, facts: Facts, now: () => number): Promise<Stored | undefined> {
    const lease = await leaseOn(entry)
    let handle: FileHandle | undefined
    let stored: Stored | undefined
    try {
      handle = await open(join(entry, CONTENT))
      const checkedMsAgo = now() - (await checkedAt(entry))
      const stats = await handle.stat()
      if (stats.isFile() && stats.size === facts.bytes) {
        stored = new Stored({ entry, facts, now, handle, lease, checkedMsAgo })
      }
    } finally {
      if (stored === undefined) await letGo(handle, lease)
    }
    if (stored !== undefined) await touch(entry, now())
    return stored
  }

  /**
   * Its bytes, once. They are as many as the facts say; that they are the same as once came shows when they are
   * unpacked, as it does with those of any source.
   */
  stream(signal: AbortSignal): ByteStream {
    const { entry, facts, handle } = this.#opened
    return diskStream({ handle, bytes: facts.bytes, path: join(entry, CONTENT) }, { signal })
  }

  /** Says that its source still has it. */
  async confirm(): Promise<void> {
    const { entry, now } = this.#opened
    // Evicted meanwhile, or not to be written to: then it is asked about once more.
    await setTime(join(entry, FACTS), now()).catch(() => {})
  }

  /** Closes it, and removes what turned out to be damaged. Never rejects. */
  async remove(): Promise<void> {
    await this.close()
    await removeEntry(this.#opened.entry).catch(() => {})
  }

  /** May be called again. Its stream has ended, or ends with an error. */
  close(): Promise<void> {
    this.#closing ??= letGo(this.#opened.handle, this.#opened.lease)
    return this.#closing
  }
}

/** Tells evictions that the entry is in use. */
function leaseOn(entry: string): Promise<string | undefined> {
  const directory = dirname(dirname(entry))
  return claim(directory, 'reading', relative(directory, entry)).catch(() => undefined)
}

async function letGo(handle: FileHandle | undefined, lease: string | undefined): Promise<void> {
  await handle?.close()
  if (lease !== undefined) await removeTree(lease)
}
