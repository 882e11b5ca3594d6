import type { BigIntStats } from 'node:fs'

/** The bytes of a record before the object id. */
export const STAT_BYTES = 40

const MODE_AT = 24

/** The mode that git gives an entry. */
export const GIT_MODE = { file: 0o100644, executable: 0o100755, symlink: 0o120000 } as const

/**
 * Writes the stat data that a git index entry begins with (gitformat-index(5)): times, device, inode, mode, owner
 * and size, 32 bits each, cut off as git does.
 */
export function writeStatData(record: Buffer, stat: BigIntStats, mode: number): void {
  record.writeUInt32BE(Number(stat.ctimeNs / BILLION), 0)
  record.writeUInt32BE(Number(stat.ctimeNs % BILLION), 4)
  record.writeUInt32BE(Number(stat.mtimeNs / BILLION), 8)
  record.writeUInt32BE(Number(stat.mtimeNs % BILLION), 12)
  record.writeUInt32BE(low32(stat.dev), 16)
  record.writeUInt32BE(low32(stat.ino), 20)
  record.writeUInt32BE(mode, MODE_AT)
  record.writeUInt32BE(low32(stat.uid), 28)
  record.writeUInt32BE(low32(stat.gid), 32)
  record.writeUInt32BE(low32(stat.size), 36)
}

/**
 * Takes over a new ctime, which linking and renaming change. False, and nothing done, where anything else has
 * changed: then it is no longer known what the file holds.
 */
export function renewStatData({ buffer, byteOffset, length }: Uint8Array, stat: BigIntStats): boolean {
  const record = Buffer.from(buffer, byteOffset, length)
  const renewed = Buffer.from(record.subarray(0, STAT_BYTES))
  writeStatData(renewed, stat, record.readUInt32BE(MODE_AT))
  if (!renewed.subarray(CTIME_BYTES).equals(record.subarray(CTIME_BYTES, STAT_BYTES))) return false
  record.set(renewed)
  return true
}

const CTIME_BYTES = 8
const BILLION = 1_000_000_000n

function low32(value: bigint): number {
  return Number(BigInt.asUintN(32, value))
}
