import { createHash } from 'node:crypto'
import { lstatSync, lutimesSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { ObjectFormat } from '../../src/git/index-entries.ts'
import type { RecordOf } from '../../src/git/index-file.ts'

/** How old a file must be for git not to call it racy. */
const AGE_SECONDS = 10

/** What the writers of a tree would know of it: one record for each file and symlink outside `.git`. */
export function recordsOf(tree: string, format: ObjectFormat): RecordOf {
  const records = new Map<string, Buffer>()
  const root = Buffer.from(`${tree}/`)
  const visit = (directory: Buffer) => {
    for (const entry of readdirSync(Buffer.concat([root, directory]), {
      encoding: 'buffer',
      withFileTypes: true,
    })) {
      const path = Buffer.concat([directory, entry.name])
      if (path.equals(Buffer.from('.git'))) continue
      if (entry.isDirectory()) visit(Buffer.concat([path, Buffer.from('/')]))
      else records.set(path.toString('latin1'), recordOfFile(Buffer.concat([root, path]), format))
    }
  }
  visit(Buffer.alloc(0))
  return (path) => records.get(path)
}

function recordOfFile(path: Buffer, format: ObjectFormat): Buffer {
  const seconds = Math.floor(Date.now() / 1000) - AGE_SECONDS
  lutimesSync(path, seconds, seconds)
  const stat = lstatSync(path, { bigint: true })
  const content = stat.isSymbolicLink() ? readlinkSync(path, 'buffer') : readFileSync(path)
  const regular = stat.mode & 0o100n ? 0o100755n : 0o100644n
  const fields = [
    stat.ctimeNs / 1_000_000_000n,
    stat.ctimeNs % 1_000_000_000n,
    stat.mtimeNs / 1_000_000_000n,
    stat.mtimeNs % 1_000_000_000n,
    stat.dev,
    stat.ino,
    stat.isSymbolicLink() ? 0o120000n : regular,
    stat.uid,
    stat.gid,
    stat.size,
  ]
  const head = Buffer.alloc(40)
  fields.forEach((field, index) => void head.writeUInt32BE(Number(BigInt.asUintN(32, field)), index * 4))
  const id = createHash(format).update(`blob ${content.length}\0`).update(content).digest()
  return Buffer.concat([head, id])
}
