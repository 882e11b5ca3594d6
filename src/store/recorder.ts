import { join } from 'node:path'
import type { ByteStream } from '../byte-stream.ts'
import { ActionError } from '../errors.ts'
import { Allowance, type AllowanceOptions } from './allowance.ts'
import { Backlog } from './backlog.ts'
import { removeTree } from './claim.ts'
import { publish } from './entry.ts'
import { evict, removeOlder } from './eviction.ts'
import type { Facts } from './facts.ts'
import { versionOf } from './layout.ts'
import { type Recording, record } from './recording.ts'
import { tee } from './tee.ts'

/** What is known of a snapshot before its bytes have come. */
export interface Announced extends Pick<Facts, 'name' | 'etag' | 'commit' | 'openedAt'> {
  readonly bytes: number | undefined
}

export interface RecorderOptions extends Omit<AllowanceOptions, 'bytes'> {
  readonly announced: Announced
  /** Of its name. */
  readonly directory: string
  readonly arch: string
  readonly complain: (error: unknown) => void
}

/**
 * Writes a snapshot into the store while it streams. What goes wrong with that ends the recording, and never the
 * stream. Commit or discard it: until then it may be writing.
 */
export class Recorder {
  readonly #options: RecorderOptions
  readonly #backlog = new Backlog()
  #recording: Promise<Recording | undefined> = Promise.resolve(undefined)

  constructor(options: RecorderOptions) {
    this.#options = options
  }

  /** The same stream, recorded as far as it is read; called once. It takes no memory but the stream's own. */
  tee(stream: ByteStream): ByteStream {
    this.#recording = this.#record()
    return tee(stream, this.#backlog)
  }

  /** Makes an entry of a stream that was read to its end, once all of it is on the disk. Never rejects. */
  async commit(): Promise<'kept' | 'dropped'> {
    if (!this.#backlog.isWhole) this.#backlog.drop()
    const recording = await this.#recording
    if (recording === undefined) return 'dropped'
    try {
      await this.#publish(recording)
      return 'kept'
    } catch (error) {
      this.#options.complain(error)
      return 'dropped'
    } finally {
      await removeTree(recording.root)
    }
  }

  /** Removes what was recorded; nothing runs any more when it resolves. Never rejects. */
  async discard(): Promise<void> {
    this.#backlog.drop()
    const recording = await this.#recording
    if (recording !== undefined) await removeTree(recording.root)
  }

  async #record(): Promise<Recording | undefined> {
    const { announced, directory } = this.#options
    try {
      return await record(
        this.#backlog,
        directory,
        new Allowance({ ...this.#options, bytes: announced.bytes }),
      )
    } catch (error) {
      this.#backlog.drop()
      this.#options.complain(error)
      return undefined
    }
  }

  async #publish({ draft, bytes, sha256 }: Recording): Promise<void> {
    const { announced, directory, arch, tools, maxBytes, now } = this.#options
    if (bytes === 0 || bytes !== (announced.bytes ?? bytes)) {
      throw new ActionError('TRUNCATED', `${bytes} of ${announced.bytes ?? 'some'} bytes came`)
    }
    const entry = join(directory, versionOf(sha256), arch)
    await publish({ directory: draft, facts: { ...announced, bytes, sha256 }, now: now() }, entry)
    await removeOlder(entry, announced.openedAt, now())
    await evict({ tools, maxBytes, now: now(), incomingBytes: 0, keep: entry })
  }
}
