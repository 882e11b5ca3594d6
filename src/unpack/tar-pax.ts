import { ActionError } from '../errors.ts'

/** What a global header must not set: it would rename or resize every entry that follows. */
const PER_ENTRY_KEYS = new Set(['path', 'linkpath', 'size'])

/**
 * Reads pax records (POSIX.1-2001, pax Interchange Format): "length key=value\n", where the length counts all of
 * the record. Keys that are not used here are checked in form and ignored.
 */
export function parsePax(bytes: Buffer, scope: 'entry' | 'global', at: number): ReadonlyMap<string, string> {
  const records = new Map<string, string>()
  for (let from = 0; from < bytes.length; ) {
    const { key, value, end } = readRecord(bytes, from, at)
    if (key.startsWith('GNU.sparse.')) throw refused('describes a sparse file, which git never makes', at)
    if (scope === 'global' && PER_ENTRY_KEYS.has(key)) throw refused(`sets ${key} for all entries`, at)
    if (PER_ENTRY_KEYS.has(key) && (value === '' || value.includes('\0'))) {
      throw refused(`has a ${key} that is empty or has a NUL in it`, at)
    }
    if (/^[acm]time$/.test(key) && !/^-?\d{1,18}(\.\d*)?$/.test(value))
      throw refused(`has a ${key} that is no time`, at)
    records.set(key, value)
    from = end
  }
  return records
}

function readRecord(bytes: Buffer, from: number, at: number): { key: string; value: string; end: number } {
  const space = bytes.indexOf(0x20, from)
  const digits = space === -1 ? '' : bytes.toString('latin1', from, Math.min(space, from + 10))
  const isLength = /^[1-9]\d*$/.test(digits) && from + digits.length === space
  const end = isLength ? from + Number(digits) : 0
  if (!isLength || end <= space || end > bytes.length || bytes[end - 1] !== 0x0a)
    throw refused('has a record of a wrong length', at)
  const record = bytes.toString('latin1', space + 1, end - 1)
  const equals = record.indexOf('=')
  if (equals < 1) throw refused('has a record without a key', at)
  return { key: record.slice(0, equals), value: record.slice(equals + 1), end }
}

function refused(what: string, at: number): ActionError {
  return new ActionError('CORRUPT_ARCHIVE', `the pax header before byte ${at} ${what}`)
}
