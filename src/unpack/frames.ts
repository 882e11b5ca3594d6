import { ActionError } from '../errors.ts'

/** What a zstd frame's header says (RFC 8878, 3.1.1.1). */
export interface FrameHeader {
  /** The most bytes back that the decoder must remember. */
  readonly windowBytes: number
  /** The decoded size; undefined where the header does not tell. */
  readonly contentBytes: number | undefined
}

/**
 * Where frames begin and end in the stream, in bytes from its start. A frame is known to have begun when its head,
 * a copy of which comes along, is complete: part of it may have been in an earlier piece.
 */
export type FrameEvent =
  | { readonly kind: 'begin'; readonly at: number; readonly header: FrameHeader; readonly head: Uint8Array }
  | { readonly kind: 'end'; readonly at: number }

const MAGIC = 0xfd2fb528
const MAGIC_BYTES = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])
const SKIPPABLE_MAGIC = 0x184d2a50
const MAX_BLOCK_BYTES = 128 * 1024
/** What the zstd command line takes without being told to. */
const MAX_WINDOW_BYTES = 128 * 1024 * 1024
const CHECKSUM_BYTES = 4

type Part = 'magic' | 'skip-size' | 'header' | 'block' | 'done'

/**
 * Finds the frames of a zstd stream without decoding them, and without I/O: Node's decoder stops after the first
 * frame and says nothing. Feed it bytes in pieces of any size; it keeps at most 18 of them.
 */
export class FrameScanner {
  /** The place of the next byte to come. */
  #at = 0
  /** Bytes to pass over before the next part. */
  #skip = 0
  #part: Part = 'magic'
  #needed = 4
  readonly #held = Buffer.alloc(18)
  #heldBytes = 0
  #frame = { checksum: false, blockBytes: 0 }

  /** Says that no bytes follow; throws TRUNCATED inside a frame. */
  end(): void {
    if (this.#part === 'magic' && this.#heldBytes === 0 && this.#skip === 0) return
    throw new ActionError('TRUNCATED', `the zstd stream ends at byte ${this.#at}, in the middle of a frame`)
  }

  *push(bytes: Uint8Array): Generator<FrameEvent, void, undefined> {
    for (let read = 0; read < bytes.length || (this.#skip === 0 && this.#part === 'done'); ) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, bytes.length - read)
        this.#skip -= passed
        this.#at += passed
        read += passed
        continue
      }
      while (this.#heldBytes < this.#needed && read < bytes.length) {
        this.#held[this.#heldBytes++] = bytes[read++] ?? 0
        this.#at += 1
      }
      if (this.#heldBytes < this.#needed) return
      yield* this.#take()
    }
  }

  *#take(): Generator<FrameEvent, void, undefined> {
    if (this.#part === 'magic') this.#takeMagic()
    else if (this.#part === 'skip-size') this.#skipTo('magic', 4, this.#held.readUInt32LE(0))
    else if (this.#part === 'header') yield* this.#takeHeader()
    else if (this.#part === 'block') this.#takeBlock()
    else {
      yield { kind: 'end', at: this.#at }
      this.#expect('magic', 4)
    }
  }

  #takeMagic(): void {
    const magic = this.#held.readUInt32LE(0)
    if (magic === MAGIC) {
      this.#expect('header', 1)
    } else if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      this.#expect('skip-size', 4)
    } else {
      if (this.#at === 4) throw notZstd(this.#held.subarray(0, 4))
      const seen = `0x${magic.toString(16).padStart(8, '0')}`
      throw new ActionError('CORRUPT_ZSTD', `no zstd frame at byte ${this.#at - 4} (magic ${seen})`)
    }
  }

  *#takeHeader(): Generator<FrameEvent, void, undefined> {
    const descriptor = this.#held[0] ?? 0
    const size = headerSize(descriptor)
    if (this.#heldBytes < size) {
      this.#needed = size
      return
    }
    const at = this.#at - size - 4
    const header = readHeader(this.#held, at)
    this.#frame = {
      checksum: (descriptor & 4) !== 0,
      blockBytes: Math.min(header.windowBytes, MAX_BLOCK_BYTES),
    }
    yield { kind: 'begin', at, header, head: Buffer.concat([MAGIC_BYTES, this.#held.subarray(0, size)]) }
    this.#expect('block', 3)
  }

  #takeBlock(): void {
    const header = this.#held.readUIntLE(0, 3)
    const [last, type, size] = [(header & 1) === 1, (header >> 1) & 3, header >> 3]
    const { blockBytes, checksum } = this.#frame
    if (type === 3 || size > blockBytes) {
      throw new ActionError(
        'CORRUPT_ZSTD',
        `a zstd block at byte ${this.#at - 3} is of no valid type or size`,
      )
    }
    const content = type === 1 ? 1 : size
    if (last) this.#skipTo('done', 0, content + (checksum ? CHECKSUM_BYTES : 0))
    else this.#skipTo('block', 3, content)
  }

  #expect(part: Part, bytes: number): void {
    this.#part = part
    this.#needed = bytes
    this.#heldBytes = 0
  }

  #skipTo(part: Part, bytes: number, skip: number): void {
    this.#expect(part, bytes)
    this.#skip = skip
  }
}

const CONTENT_SIZE_BYTES = [0, 2, 4, 8]
const DICTIONARY_ID_BYTES = [0, 1, 2, 4]

/** The bytes of a frame's header after the magic, by its first one. */
function headerSize(descriptor: number): number {
  const single = (descriptor & 0x20) !== 0
  return 1 + (single ? 0 : 1) + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0) + contentSizeBytes(descriptor)
}

function contentSizeBytes(descriptor: number): number {
  const flag = descriptor >> 6
  return flag === 0 && (descriptor & 0x20) !== 0 ? 1 : (CONTENT_SIZE_BYTES[flag] ?? 0)
}

function readHeader(held: Buffer, at: number): FrameHeader {
  const descriptor = held[0] ?? 0
  if ((descriptor & 8) !== 0)
    throw new ActionError('CORRUPT_ZSTD', `the zstd frame at byte ${at} is not valid`)
  const single = (descriptor & 0x20) !== 0
  const dictionaryBytes = DICTIONARY_ID_BYTES[descriptor & 3] ?? 0
  const dictionaryAt = single ? 1 : 2
  if (dictionaryBytes > 0 && held.readUIntLE(dictionaryAt, dictionaryBytes) !== 0) {
    throw new ActionError(
      'CORRUPT_ZSTD',
      `the zstd frame at byte ${at} needs a dictionary, which is not supported`,
    )
  }
  const contentBytes = readContentSize(held, dictionaryAt + dictionaryBytes, contentSizeBytes(descriptor))
  const windowBytes = single ? (contentBytes ?? 0) : windowSize(held[1] ?? 0)
  if (windowBytes <= MAX_WINDOW_BYTES) return { windowBytes, contentBytes }
  const mebibytes = Math.ceil(windowBytes / 1024 ** 2)
  const message = `the zstd frame at byte ${at} needs a window of ${mebibytes} MiB; at most 128 MiB is allowed`
  throw new ActionError('LIMIT_EXCEEDED', `${message} (compress without --ultra and --long)`)
}

function readContentSize(held: Buffer, at: number, size: number): number | undefined {
  if (size === 0) return undefined
  if (size === 8) {
    const bytes = held.readBigUInt64LE(at)
    if (bytes <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(bytes)
    throw new ActionError('CORRUPT_ZSTD', 'a zstd frame says that it holds more than 2^53 bytes')
  }
  return held.readUIntLE(at, size) + (size === 2 ? 256 : 0)
}

function windowSize(byte: number): number {
  const base = 2 ** (10 + (byte >> 3))
  return base + (base / 8) * (byte & 7)
}

/** What begins with text is hardly ever a snapshot that was damaged. */
function notZstd(beginning: Buffer): ActionError {
  const text = beginning.toString('latin1')
  const isText = /^[\t\n\r -~]+$/.test(text)
  const seen = isText ? `"${text.replace(/\s/g, ' ')}"` : `the bytes ${beginning.toString('hex')}`
  const hint = isText
    ? ', but perhaps the page of a login or a proxy: check server, url and authorization'
    : ': a snapshot is a tar.zst'
  return new ActionError('NOT_ZSTD', `what came begins with ${seen}, which is no zstd file${hint}`)
}
