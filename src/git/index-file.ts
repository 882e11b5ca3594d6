import { createHash } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ActionError } from '../errors.ts'

export type ObjectFormat = 'sha1' | 'sha256'

/**
 * How the index entry of a written file begins (gitformat-index): ten big-endian uint32 (ctime seconds and
 * nanoseconds, mtime seconds and nanoseconds, dev, ino, mode, uid, gid, size), then the blob's id as bytes.
 * `path` holds the path's raw bytes as latin1. Undefined where nothing is known of the path.
 */
export type RecordOf = (path: string) => Uint8Array | undefined

export interface FilledIndex {
  readonly entries: number
  readonly filled: number
  /** Names of the blobs of the other entries, in hex. */
  readonly unproven: readonly string[]
}

const HASH_BYTES = { sha1: 20, sha256: 32 } as const

const HEADER_BYTES = 12
const SIGNATURE = 0x44495243
const STAT_BYTES = 40
const MODE_AT = 24
const MODE_END = 28
/** Of an entry that is the commit of another repository: a submodule. */
export const GITLINK_MODE = 0o160000

const FLAG_EXTENDED = 0x4000
const FLAG_STAGE = 0x3000
const FLAG_NAME_LENGTH = 0x0fff

/** Fills `index` of this git directory in place, by way of git's own lock file: see fillEntries. */
export async function fillIndex(
  gitDirectory: string,
  recordOf: RecordOf,
  format: ObjectFormat,
): Promise<FilledIndex> {
  const path = join(gitDirectory, 'index')
  const lock = `${path}.lock`
  const index = await readFile(path)
  const result = fillEntries(index, recordOf, format)
  try {
    await writeFile(lock, index, { flag: 'wx' })
    await rename(lock, path)
  } catch (error) {
    await rm(lock, { force: true })
    throw new ActionError('WRITE_FAILED', `The git index could not be written to ${path}`, { cause: error })
  }
  return result
}

/**
 * Gives the entries of a version 2 or 3 index the stat data of their records, in place, where the record has
 * the entry's mode and blob id: git then knows these files to be unchanged. Every other entry stays as it is,
 * so git reads that file itself. The checksum at the end is made anew.
 */
export function fillEntries(index: Buffer, recordOf: RecordOf, format: ObjectFormat): FilledIndex {
  const hashBytes = HASH_BYTES[format]
  const version = checkHeader(index, hashBytes)
  const entries = index.readUInt32BE(8)
  const end = index.length - hashBytes
  const flagsAt = STAT_BYTES + hashBytes
  const unproven: string[] = []
  let filled = 0
  let at = HEADER_BYTES
  for (let entry = 0; entry < entries; entry++) {
    if (at + flagsAt + 2 > end) throw malformed(`entry ${entry} of ${entries} is cut off`)
    const flags = index.readUInt16BE(at + flagsAt)
    if ((flags & FLAG_EXTENDED) !== 0 && version < 3) throw malformed(`entry ${entry} has version 3 flags`)
    const nameAt = at + flagsAt + ((flags & FLAG_EXTENDED) === 0 ? 2 : 4)
    const nameEnd = endOfName(index, nameAt, flags & FLAG_NAME_LENGTH)
    // One to eight NULs follow the name, up to a multiple of eight bytes from the entry's start.
    const next = at + ((nameEnd - at + 8) & ~7)
    if (next > end || index[nameEnd] !== 0) throw malformed(`the name of entry ${entry} is cut off`)
    const record =
      (flags & FLAG_STAGE) === 0 ? recordOf(index.toString('latin1', nameAt, nameEnd)) : undefined
    if (record?.length === flagsAt && isProven(index, at, record)) {
      index.set(record.subarray(0, STAT_BYTES), at)
      filled++
    } else if (index.readUInt32BE(at + MODE_AT) !== GITLINK_MODE) {
      unproven.push(index.toString('hex', at + STAT_BYTES, at + flagsAt))
    }
    at = next
  }
  index.set(createHash(format).update(index.subarray(0, end)).digest(), end)
  return { entries, filled, unproven }
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

function isProven(index: Buffer, at: number, record: Uint8Array): boolean {
  for (let byte = MODE_AT; byte < MODE_END; byte++) {
    if (index[at + byte] !== record[byte]) return false
  }
  for (let byte = STAT_BYTES; byte < record.length; byte++) {
    if (index[at + byte] !== record[byte]) return false
  }
  return true
}

function malformed(reason: string): ActionError {
  return new ActionError('GIT_FAILED', `The index that git wrote cannot be filled: ${reason}`)
}
