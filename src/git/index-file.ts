import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ActionError } from '../errors.ts'
import { MODE_AT, STAT_BYTES } from '../index-layout.ts'
import { renamePatiently } from '../patient-rename.ts'
import { HASH_BYTES, leaveOut, type ObjectFormat, visitEntries } from './index-entries.ts'

/**
 * How the index entry of a written file begins (gitformat-index): ten big-endian uint32 (ctime seconds and
 * nanoseconds, mtime seconds and nanoseconds, dev, ino, mode, uid, gid, size), then the blob's id as bytes.
 * `path` holds the path's raw bytes as latin1, `now` tells how the entry begins so far. Undefined where nothing is known
 * of the path.
 */
export type RecordOf = (path: string, now: () => Uint8Array) => Uint8Array | undefined

export interface FilledIndex {
  readonly entries: number
  readonly filled: number
  /** Entries that git keeps out of the tree. */
  readonly leftOut: number
}

const MODE_END = MODE_AT + 4

/**
 * Fills `index` of this git directory in place, by way of git's own lock file: see fillEntries. First leaves out of the
 * tree what git is to keep out of it, by its path as in RecordOf.
 */
export async function fillIndex(
  gitDirectory: string,
  recordOf: RecordOf,
  format: ObjectFormat,
  isLeftOut?: (path: string) => boolean,
): Promise<FilledIndex> {
  const path = join(gitDirectory, 'index')
  const lock = `${path}.lock`
  const read = await readFile(path)
  const index = isLeftOut === undefined ? read : leaveOut(read, format, isLeftOut)
  const result = fillEntries(index, recordOf, format)
  try {
    await writeFile(lock, index, { flag: 'wx' })
    await renamePatiently(lock, path)
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
  let [filled, leftOut] = [0, 0]
  const entries = visitEntries(index, format, ({ at, flagsAt, nameAt, nameEnd, isMerged, isLeftOut }) => {
    if (isLeftOut) {
      leftOut++
      return
    }
    const record = isMerged
      ? recordOf(index.toString('latin1', nameAt, nameEnd), () => index.subarray(at, flagsAt))
      : undefined
    if (record?.length === flagsAt - at && isProven(index, at, record)) {
      index.set(record.subarray(0, STAT_BYTES), at)
      filled++
    }
  })
  const end = index.length - HASH_BYTES[format]
  index.set(createHash(format).update(index.subarray(0, end)).digest(), end)
  return { entries, filled, leftOut }
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
