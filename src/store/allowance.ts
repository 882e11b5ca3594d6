import { statfs } from 'node:fs/promises'
import { UNPACKED_RATIO } from '../disk-space.ts'
import { ActionError } from '../errors.ts'
import { makeDirectory } from './directory.ts'
import { evict } from './eviction.ts'

export interface AllowanceOptions {
  /** The directory of all names. */
  readonly tools: string
  /** Of the store, all in all. */
  readonly maxBytes: number
  /** What a recording leaves free on the disk, beside what the job still unpacks. */
  readonly spareBytes: number
  readonly now: () => number
  /** Of the snapshot that is to come, where that is known. */
  readonly bytes: number | undefined
}

const ADVICE = 'raise store-max-bytes to keep it'
/** After so many bytes the disk is asked again. */
const ASKED_BYTES = 32 * 1024 * 1024

/** What one recording may take of the disk: as much as the store's limit and the job leave it. */
export class Allowance {
  readonly #options: AllowanceOptions
  #grantedUpTo = 0

  constructor(options: AllowanceOptions) {
    this.#options = options
  }

  /** Evicts what has to go for the snapshot. Rejects where the store's limit does not let it in even then. */
  async make(): Promise<void> {
    const { tools, maxBytes, now, bytes: incomingBytes = 0 } = this.#options
    this.#requireBelowLimit(incomingBytes)
    await makeDirectory(tools)
    const eviction = { tools, now: now(), incomingBytes, keep: undefined }
    const sum = await evict({ ...eviction, maxBytes })
    const { lacking } = await this.#askDisk(0)
    // Where even all of the store is too little, nothing goes for it.
    if (lacking > 0 && lacking <= sum - incomingBytes) await evict({ ...eviction, maxBytes: sum - lacking })
    if (sum <= maxBytes) return
    const others = `${sum - incomingBytes} bytes of it are in use`
    throw new ActionError('LIMIT_EXCEEDED', `${others}, and ${incomingBytes} more do not fit; ${ADVICE}`)
  }

  /** Rejects where more bytes, after so many that are written, could be too many for the store or the disk. */
  async require(written: number, more: number): Promise<void> {
    this.#requireBelowLimit(written + more)
    if (written < this.#grantedUpTo) return
    const { free, needed, lacking } = await this.#askDisk(written)
    if (lacking > 0) {
      throw new ActionError(
        'LIMIT_EXCEEDED',
        `its disk has ${free} bytes free, and the job may need ${needed}`,
      )
    }
    this.#grantedUpTo = written + ASKED_BYTES
  }

  #requireBelowLimit(bytes: number): void {
    const { maxBytes } = this.#options
    if (bytes <= maxBytes) return
    throw new ActionError('LIMIT_EXCEEDED', `the snapshot has more than ${maxBytes} bytes; ${ADVICE}`)
  }

  /** What is free, and what should be when so much is written: for the rest of the recording, and the job. */
  async #askDisk(written: number): Promise<{ free: number; needed: number; lacking: number }> {
    const { tools, bytes = 0, spareBytes } = this.#options
    const { bsize, blocks, bavail } = await statfs(tools)
    const free = bavail * bsize
    const needed = spareBytes + (1 + UNPACKED_RATIO) * Math.max(0, bytes - written)
    // Some file systems tell nothing.
    return { free, needed, lacking: blocks === 0 ? 0 : needed - free }
  }
}
