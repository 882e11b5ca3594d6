import { ActionError } from '../errors.ts'

/** The fields of a header that matter here. Names are latin1: one character for each byte. */
export interface TarHeader {
  readonly name: string
  readonly target: string
  readonly mode: number
  readonly size: number
  /** The type flag; NUL for a v7 file. */
  readonly type: string
}

export const HEADER_BYTES = 512

const CHECKSUM_AT = 148
const CHECKSUM_END = 156
/** NULs by how many: what may follow the end of a text in its field. */
const NULS = Array.from({ length: 156 }, (_, length) => '\0'.repeat(length))

/**
 * One header block in memory of its own, so that its bytes can be read four at a time: an archive of small files
 * is mostly headers.
 */
export class HeaderBlock {
  readonly bytes = Buffer.alloc(HEADER_BYTES)
  readonly #words = new Int32Array(this.bytes.buffer, this.bytes.byteOffset, HEADER_BYTES / 4)

  isZero(): boolean {
    return this.bytes[0] === 0 && this.#words.every((word) => word === 0)
  }

  /** Reads a header whose checksum holds; throws CORRUPT_ARCHIVE, naming its place in the archive. */
  read(at: number): TarHeader {
    const { bytes } = this
    const magic = bytes.toString('latin1', 257, 263)
    const isPosix = magic === 'ustar\0'
    const isV7 = !isPosix && magic !== 'ustar '
    const checksum = readNumber(bytes, CHECKSUM_AT, CHECKSUM_END)
    if (checksum !== this.#checksum() && !(isV7 && checksum === this.#signedChecksum())) {
      throw refused('a wrong checksum', at)
    }
    const size = readNumber(bytes, 124, 136)
    const mode = readNumber(bytes, 100, 108)
    if (size === undefined) throw refused('a size that is no number', at)
    if (mode === undefined) throw refused('a mode that is no number', at)
    const name = readText(bytes, 0, 100)
    const target = bytes[157] === 0 ? '' : readText(bytes, 157, 257)
    const prefix = isPosix && bytes[345] !== 0 ? readText(bytes, 345, 500) : ''
    if (name === undefined || target === undefined || prefix === undefined) {
      throw refused('a NUL inside a name', at)
    }
    const type = String.fromCharCode(bytes[156] ?? 0)
    return { name: prefix === '' ? name : `${prefix}/${name}`, target, mode, size, type }
  }

  /** The sum of all bytes, those of the checksum itself taken as spaces. */
  #checksum(): number {
    let sums = 0
    for (let i = 0; i < HEADER_BYTES / 4; i += 1) {
      const word = this.#words[i] ?? 0
      sums += (word & 0xff00ff) + ((word >>> 8) & 0xff00ff)
    }
    let sum = (sums & 0xffff) + (sums >>> 16) + (CHECKSUM_END - CHECKSUM_AT) * 0x20
    for (let i = CHECKSUM_AT; i < CHECKSUM_END; i += 1) sum -= this.bytes[i] ?? 0
    return sum
  }

  /** As `#checksum`, of signed bytes: what some old tars wrote. */
  #signedChecksum(): number {
    let high = 0
    for (let i = 0; i < HEADER_BYTES; i += 1) {
      if ((i < CHECKSUM_AT || i >= CHECKSUM_END) && (this.bytes[i] ?? 0) >= 0x80) high += 1
    }
    return this.#checksum() - 256 * high
  }
}

/** A text up to its first NUL, which only NULs may follow; undefined where something else does. */
export function readText(bytes: Buffer, from: number, to: number): string | undefined {
  const text = bytes.toString('latin1', from, to)
  const end = text.indexOf('\0')
  if (end === -1) return text
  const rest = text.length - end
  return text.endsWith(NULS[rest] ?? '\0'.repeat(rest)) ? text.slice(0, end) : undefined
}

const SPACE = 0x20
const ZERO = 0x30
const SEVEN = 0x37

/** An octal number, or a base-256 one where its first bit is set (GNU); undefined where it is neither. */
function readNumber(bytes: Buffer, from: number, to: number): number | undefined {
  const first = bytes[from] ?? 0
  if (first >= 0x80) return readBase256(bytes, from, to)
  let at = from
  while (bytes[at] === SPACE && at < to) at += 1
  const digitsAt = at
  let value = 0
  for (; at < to; at += 1) {
    const digit = bytes[at] ?? 0
    if (digit < ZERO || digit > SEVEN) break
    value = value * 8 + digit - ZERO
  }
  if (at === digitsAt && first !== 0) return undefined
  for (; at < to; at += 1) if (bytes[at] !== SPACE && bytes[at] !== 0) return undefined
  return value
}

function readBase256(bytes: Buffer, from: number, to: number): number | undefined {
  if (bytes[from] !== 0x80) return undefined
  let value = 0
  for (let i = from + 1; i < to; i += 1) value = value * 256 + (bytes[i] ?? 0)
  return Number.isSafeInteger(value) ? value : undefined
}

function refused(what: string, at: number): ActionError {
  return new ActionError('CORRUPT_ARCHIVE', `the tar header at byte ${at} has ${what}`)
}
