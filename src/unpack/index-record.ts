import type { BigIntStats } from 'node:fs'
import { MODE_AT, STAT_BYTES } from '../index-layout.ts'

/** The mode that git gives an entry. */
export const GIT_MODE = { file: 0o100644, executable: 0o100755, symlink: 0o120000 } as const

/** Which git is to know the file again. */
type Reader = 'git' | 'git-for-windows'

const READER: Reader = process.platform === 'win32' ? 'git-for-windows' : 'git'

/**
 * Writes the stat data that a git index entry begins with (gitformat-index(5)): times, device, inode, mode, owner
 * and size, 32 bits each, cut off as git does.
 */
export function writeStatData(
  record: Buffer,
  given: BigIntStats,
  mode: number,
  reader: Reader = READER,
): void {
  const stat: GitStat = reader === 'git' ? given : asGitForWindowsSees(given)
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
export function renewStatData(
  { buffer, byteOffset, length }: Uint8Array,
  stat: BigIntStats,
  reader: Reader = READER,
): boolean {
  const record = Buffer.from(buffer, byteOffset, length)
  const renewed = Buffer.from(record.subarray(0, STAT_BYTES))
  writeStatData(renewed, stat, record.readUInt32BE(MODE_AT), reader)
  if (!renewed.subarray(CTIME_BYTES).equals(record.subarray(CTIME_BYTES, STAT_BYTES))) return false
  record.set(renewed)
  return true
}

type GitStat = Pick<BigIntStats, 'ctimeNs' | 'mtimeNs' | 'dev' | 'ino' | 'uid' | 'gid' | 'size'>

/** Its ctime is when the file was made, and it asks for no device, inode or owner. */
function asGitForWindowsSees({ birthtimeNs, mtimeNs, size }: BigIntStats): GitStat {
  return { ctimeNs: birthtimeNs, mtimeNs, size, dev: 0n, ino: 0n, uid: 0n, gid: 0n }
}

const CTIME_BYTES = 8
const BILLION = 1_000_000_000n

function low32(value: bigint): number {
  return Number(BigInt.asUintN(32, value))
}
