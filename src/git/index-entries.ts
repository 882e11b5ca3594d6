import { ActionError } from '../errors.ts'
import { STAT_BYTES } from '../index-layout.ts'

export type ObjectFormat = 'sha1' | 'sha256'

export const HASH_BYTES = { sha1: 20, sha256: 32 } as const
/** Of an entry that is the commit of another repository: a submodule. */
export const GITLINK_MODE = 0o160000

const HEADER_BYTES = 12
const SIGNATURE = 0x44495243
const FLAG_EXTENDED = 0x4000
const FLAG_STAGE = 0x3000
const FLAG_NAME_LENGTH = 0x0fff
/** In the two bytes of flags more that an extended entry has. */
const FLAG_SKIP_WORKTREE = 0x4000

/** Where the parts of one entry are in the index. */
export interface IndexEntry {
  readonly at: number
  /** Where its flags are, behind the blob's id. */
  readonly flagsAt: number
  readonly nameAt: number
  readonly nameEnd: number
  /** Where the next entry begins. */
  readonly next: number
  readonly isMerged: boolean
  /** Whether git keeps it out of the tree (skip-worktree). */
  readonly isLeftOut: boolean
}

/**
 * Visits the entries of a version 2 or 3 index (gitformat-index(5)) in their order, each once it has been checked, and
 * tells how many there are.
 */
export function visitEntries(
  index: Buffer,
  format: ObjectFormat,
  visit: (entry: IndexEntry) => void,
): number {
  const hashBytes = HASH_BYTES[format]
  const version = checkHeader(index, hashBytes)
  const entries = index.readUInt32BE(8)
  const end = index.length - hashBytes
  let at = HEADER_BYTES
  for (let entry = 0; entry < entries; entry++) {
    const flagsAt = at + STAT_BYTES + hashBytes
    if (flagsAt + 2 > end) throw malformed(`entry ${entry} of ${entries} is cut off`)
    const flags = index.readUInt16BE(flagsAt)
    const isExtended = (flags & FLAG_EXTENDED) !== 0
    if (isExtended && version < 3) throw malformed(`entry ${entry} has version 3 flags`)
    const nameAt = flagsAt + (isExtended ? 4 : 2)
    const nameEnd = endOfName(index, nameAt, flags & FLAG_NAME_LENGTH)
    const next = endOfEntry(at, nameEnd)
    if (next > end || index[nameEnd] !== 0) throw malformed(`the name of entry ${entry} is cut off`)
    const isLeftOut = isExtended && (index.readUInt16BE(flagsAt + 2) & FLAG_SKIP_WORKTREE) !== 0
    visit({ at, flagsAt, nameAt, nameEnd, next, isMerged: (flags & FLAG_STAGE) === 0, isLeftOut })
    at = next
  }
  return entries
}

/**
 * A copy of an index in which the entries of these paths (latin1) are left out of the tree, as `git sparse-checkout`
 * does it; its checksum is not made anew. The index has no extension that tells where entries are.
 */
export function leaveOut(index: Buffer, format: ObjectFormat, isLeftOut: (path: string) => boolean): Buffer {
  // An entry grows by eight bytes at most, and has more than sixty.
  const copy = Buffer.alloc(2 * index.length)
  let from = 0
  let to = 0
  const takeUpTo = (end: number): void => {
    to += index.copy(copy, to, from, end)
    from = end
  }
  visitEntries(index, format, ({ at, flagsAt, nameAt, nameEnd, next, ...entry }) => {
    if (entry.isLeftOut || !entry.isMerged || !isLeftOut(index.toString('latin1', nameAt, nameEnd))) return
    takeUpTo(at)
    const start = to
    takeUpTo(nameAt)
    const flags = start + flagsAt - at
    copy.writeUInt16BE(copy.readUInt16BE(flags) | FLAG_EXTENDED, flags)
    if (nameAt === flagsAt + 2) to += 2
    copy.writeUInt16BE(copy.readUInt16BE(flags + 2) | FLAG_SKIP_WORKTREE, flags + 2)
    takeUpTo(nameEnd)
    from = next
    to = endOfEntry(start, to)
  })
  takeUpTo(index.length)
  copy.writeUInt32BE(3, 4)
  return copy.subarray(0, to)
}

function checkHeader(index: Buffer, hashBytes: number): number {
  if (index.length < HEADER_BYTES + hashBytes) throw malformed(`it has ${index.length} bytes`)
  if (index.readUInt32BE(0) !== SIGNATURE) throw malformed('it does not begin with DIRC')
  const version = index.readUInt32BE(4)
  if (version !== 2 && version !== 3) throw malformed(`its version is ${version}, not 2 or 3`)
  return version
}

/** The length field cannot say more than 4094: a longer name ends at its NUL. */
function endOfName(index: Buffer, nameAt: number, length: number): number {
  if (length < FLAG_NAME_LENGTH) return nameAt + length
  const end = index.indexOf(0, nameAt + length)
  return end === -1 ? index.length : end
}

/** One to eight NULs follow the name, up to a multiple of eight bytes from the entry's start. */
function endOfEntry(at: number, nameEnd: number): number {
  return at + ((nameEnd - at + 8) & ~7)
}

function malformed(reason: string): ActionError {
  return new ActionError('GIT_FAILED', `The index that git wrote cannot be filled: ${reason}`)
}
