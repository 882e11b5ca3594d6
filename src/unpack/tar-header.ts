import { ActionError } from '../errors.ts'

/** The fields of a 512-byte header that matter here. Names are latin1: one character for each byte. */
export interface TarHeader {
  readonly name: string
  readonly target: string
  readonly mode: number
  readonly size: number
  /** The type flag; NUL for a v7 file. */
  readonly type: string
}

const CHECKSUM_AT = 148
const CHECKSUM_END = 156

/** Reads a header block whose checksum holds; throws CORRUPT_ARCHIVE, naming its place in the archive. */
export function readHeader(block: Buffer, at: number): TarHeader {
  const refuse = (what: string): ActionError =>
    new ActionError('CORRUPT_ARCHIVE', `the tar header at byte ${at} has ${what}`)
  const text = (from: number, to: number, field: string): string => {
    const value = nulTerminated(block, from, to)
    if (value === undefined) throw refuse(`a NUL inside its ${field}`)
    return value
  }
  const magic = block.toString('latin1', 257, 263)
  const isPosix = magic === 'ustar\0'
  const isV7 = !isPosix && magic !== 'ustar '
  const expected = number(block, CHECKSUM_AT, CHECKSUM_END)
  if (expected !== checksum(block) && !(isV7 && expected === signedChecksum(block)))
    throw refuse('a wrong checksum')

  const size = number(block, 124, 136)
  const mode = number(block, 100, 108)
  if (size === undefined || !Number.isSafeInteger(size)) throw refuse('a size that is no number')
  if (mode === undefined) throw refuse('a mode that is no number')
  const name = text(0, 100, 'name')
  const prefix = isPosix ? text(345, 500, 'prefix') : ''
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    target: text(157, 257, 'link target'),
    mode,
    size,
    type: String.fromCharCode(block[156] ?? 0),
  }
}

export function isZeroBlock(block: Buffer): boolean {
  if (block[0] !== 0) return false
  for (let i = 1; i < block.length; i += 1) if (block[i] !== 0) return false
  return true
}

/** Where a text ends that only NULs may follow; undefined where something else follows one. */
export function trailingNulsOnly(bytes: Uint8Array, from = 0, to = bytes.length): number | undefined {
  const nul = bytes.indexOf(0, from)
  if (nul === -1 || nul >= to) return to
  for (let i = nul + 1; i < to; i += 1) if (bytes[i] !== 0) return undefined
  return nul
}

function nulTerminated(block: Buffer, from: number, to: number): string | undefined {
  const end = trailingNulsOnly(block, from, to)
  return end === undefined ? undefined : block.toString('latin1', from, end)
}

/** An octal number, or a base-256 one where its first bit is set (GNU); undefined where it is neither. */
function number(block: Buffer, from: number, to: number): number | undefined {
  if ((block[from] ?? 0) >= 0x80) return base256(block, from, to)
  const digits = /^ *([0-7]*)[ \0]*$/.exec(block.toString('latin1', from, to))?.[1]
  if (digits === undefined) return undefined
  if (digits !== '') return Number.parseInt(digits, 8)
  return block[from] === 0 ? 0 : undefined
}

function base256(block: Buffer, from: number, to: number): number | undefined {
  if (block[from] !== 0x80) return undefined
  let value = 0
  for (let i = from + 1; i < to; i += 1) value = value * 256 + (block[i] ?? 0)
  return Number.isSafeInteger(value) ? value : undefined
}

/** The sum of all bytes, those of the checksum itself taken as spaces. */
function checksum(block: Buffer): number {
  let sum = (CHECKSUM_END - CHECKSUM_AT) * 0x20
  for (let i = 0; i < CHECKSUM_AT; i += 1) sum += block[i] ?? 0
  for (let i = CHECKSUM_END; i < block.length; i += 1) sum += block[i] ?? 0
  return sum
}

/** As `checksum`, of signed bytes: what some old tars wrote. */
function signedChecksum(block: Buffer): number {
  let high = 0
  for (let i = 0; i < block.length; i += 1) {
    if ((i < CHECKSUM_AT || i >= CHECKSUM_END) && (block[i] ?? 0) >= 0x80) high += 1
  }
  return checksum(block) - 256 * high
}
