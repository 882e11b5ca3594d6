import { blobHeader, PART, TRACKED, type WriteJob } from './tree-job.ts'

/** What a writer has to know of a file. */
export interface BatchFile {
  readonly path: string
  readonly number: number
  readonly size: number
  readonly flags: number
}

/** Room for the longest blob header. */
const HEADER_BYTES = 24
/** Paths lie outside the block: empty files would fill it never. */
const MAX_FILES = 2048

/** Files on their way to a writer, in one block. */
export class Batch {
  readonly #block: Uint8Array<ArrayBuffer>
  readonly #paths: string[] = []
  readonly #parts: number[] = []
  #last: BatchFile | undefined
  #used = 0

  constructor(block: Uint8Array<ArrayBuffer>) {
    this.#block = block
  }

  get isEmpty(): boolean {
    return this.#paths.length === 0
  }

  /** How many bytes more can be appended. */
  get room(): number {
    return this.#block.length - this.#used
  }

  /** Whether this is the file added last, so that its content is to be appended. */
  holds(file: BatchFile): boolean {
    return this.#last === file
  }

  /** Adds a file, all of whose content will be appended; false where there is no room for it. */
  add(file: BatchFile): boolean {
    if (file.size + HEADER_BYTES > this.room || this.#paths.length >= MAX_FILES) return false
    if ((file.flags & TRACKED) !== 0) {
      const header = blobHeader(file.size)
      for (let i = 0; i < header.length; i += 1) this.#block[this.#used++] = header.charCodeAt(i)
    }
    this.#push(file, 0, this.#used + file.size)
    this.#last = file
    return true
  }

  /** Adds the part of a file from this position on; whatever is appended is its content. */
  addPart(file: BatchFile, position: number): void {
    this.#push(file, position, this.#used)
  }

  append(bytes: Uint8Array): void {
    this.#block.set(bytes, this.#used)
    this.#used += bytes.length
  }

  job(hash: WriteJob['hash']): WriteJob {
    const parts = Float64Array.from(this.#parts)
    if (this.#last === undefined) parts[PART.end] = this.#used
    return { block: this.#block, paths: this.#paths.join('\0'), parts, hash }
  }

  #push({ path, number, size, flags }: BatchFile, position: number, end: number): void {
    this.#paths.push(path)
    this.#parts.push(number, this.#used, end, position, size, flags)
  }
}
