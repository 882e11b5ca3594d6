import { lstatSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { STAT_BYTES } from '../../src/index-layout.ts'
import { GIT_MODE, renewStatData, writeStatData } from '../../src/unpack/index-record.ts'
import { git } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'

const statOf = (path: string) => lstatSync(path, { bigint: true })

/** The ten numbers of a record. */
const numbersIn = (record: Buffer): number[] =>
  Array.from({ length: STAT_BYTES / 4 }, (_, field) => record.readUInt32BE(4 * field))

function recordOf(path: string, ...rules: [] | ['git' | 'git-for-windows']): Buffer {
  const record = Buffer.alloc(STAT_BYTES)
  writeStatData(record, statOf(path), GIT_MODE.file, ...rules)
  return record
}

function madeFile(): string {
  const path = join(temporary(), 'file')
  writeFileSync(path, 'content')
  return path
}

describe('the stat data of a file', () => {
  it.skipIf(process.platform === 'win32')('is what git itself writes of it', async () => {
    const path = madeFile()
    const directory = join(path, '..')
    await git(directory, 'init', '--quiet')
    await git(directory, 'add', 'file')
    const debug = await git(directory, 'ls-files', '--debug', 'file')
    const said = [...debug.matchAll(/\d+/g)].map(([digits]) => Number(digits))
    const [ctime, ctimeNs, mtime, mtimeNs, dev, ino, mode, uid, gid, size] = numbersIn(recordOf(path))
    expect(said).toEqual([ctime, ctimeNs, mtime, mtimeNs, dev, ino, uid, gid, size, 0])
    expect(mode).toBe(0o100644)
  })

  it('has for Windows the time of creation as its ctime, and no device, inode or owner, as git has them there', () => {
    const path = madeFile()
    utimesSync(path, 1_600_000_000, 1_600_000_000)
    const { birthtimeNs } = statOf(path)
    expect(numbersIn(recordOf(path, 'git-for-windows'))).toEqual([
      Number(birthtimeNs / 1_000_000_000n),
      Number(birthtimeNs % 1_000_000_000n),
      ...[1_600_000_000, 0],
      ...[0, 0, GIT_MODE.file, 0, 0, 'content'.length],
    ])
  })

  it.each(['git', 'git-for-windows'] as const)('can be renewed for %s when the file was moved', (reader) => {
    const path = madeFile()
    const record = recordOf(path, reader)
    renameSync(path, `${path} moved`)
    expect(renewStatData(record, statOf(`${path} moved`), reader)).toBe(true)
    expect(record).toEqual(recordOf(`${path} moved`, reader))
  })

  it.each(['git', 'git-for-windows'] as const)(
    'is not renewed for %s when the file has changed',
    (reader) => {
      const path = madeFile()
      const record = recordOf(path, reader)
      const before = Buffer.from(record)
      writeFileSync(path, 'other content')
      expect(renewStatData(record, statOf(path), reader)).toBe(false)
      expect(record).toEqual(before)
    },
  )
})
