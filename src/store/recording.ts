import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Allowance } from './allowance.ts'
import type { Backlog } from './backlog.ts'
import { claim, removeTree } from './claim.ts'
import type { Facts } from './facts.ts'
import { CONTENT } from './layout.ts'

/** All of a stream, on the disk; whoever has it removes `root`. */
export interface Recording extends Pick<Facts, 'bytes' | 'sha256'> {
  readonly root: string
  /** What has the content, and can become an entry. */
  readonly draft: string
}

/**
 * Writes a backlog into a file of its own, below the directory of a name. Undefined, and nothing is left, where the
 * backlog was dropped; the same where it rejects.
 */
export async function record(
  backlog: Backlog,
  directory: string,
  allowance: Allowance,
): Promise<Recording | undefined> {
  await allowance.make()
  const root = await claim(directory, 'recording', 'a snapshot')
  try {
    const draft = join(root, 'entry')
    await mkdir(draft)
    const written = await fill(join(draft, CONTENT), backlog, allowance)
    if (backlog.isWhole) return { root, draft, ...written }
  } catch (error) {
    await removeTree(root)
    throw error
  }
  await removeTree(root)
  return undefined
}

type Written = Pick<Facts, 'bytes' | 'sha256'>

async function fill(file: string, backlog: Backlog, allowance: Allowance): Promise<Written> {
  const handle = await open(file, 'wx')
  try {
    const hash = createHash('sha256')
    let bytes = 0
    for (let pieces = await backlog.next(); pieces.length > 0; pieces = await backlog.next()) {
      const more = pieces.reduce((sum, { length }) => sum + length, 0)
      await allowance.require(bytes, more)
      for (const piece of pieces) hash.update(piece)
      await append(handle, pieces)
      bytes += more
      backlog.done(pieces)
    }
    if (backlog.isWhole) await handle.datasync()
    return { bytes, sha256: hash.digest('hex') }
  } finally {
    await handle.close()
  }
}

/** Writes all of the pieces: a disk that is nearly full takes a part of them first. */
async function append(handle: FileHandle, pieces: readonly Uint8Array[]): Promise<void> {
  for (let left = [...pieces]; left.length > 0; ) {
    const { bytesWritten } = await handle.writev(left)
    left = withoutFirst(left, bytesWritten)
  }
}

function withoutFirst(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let toSkip = bytes
  const left = pieces.map((piece) => {
    const skipped = Math.min(toSkip, piece.length)
    toSkip -= skipped
    return piece.subarray(skipped)
  })
  return left.filter(({ length }) => length > 0)
}
