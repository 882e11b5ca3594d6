import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'

const PIECE_BYTES = 1024 * 1024

/** Where git-lfs keeps an object, below `.git`. */
export function lfsObjectPath(oid: string): string {
  return `lfs/objects/${oid.slice(0, 2)}/${oid.slice(2, 4)}/${oid}`
}

/**
 * Whether a file is the LFS object of this name; false where it cannot be read. Git-lfs looks at the size of what
 * it has, and no further.
 */
export async function isLfsObject(file: string, oid: string): Promise<boolean> {
  try {
    return (await sha256Of(file)) === oid
  } catch {
    return false
  }
}

async function sha256Of(path: string): Promise<string> {
  const file = await open(path)
  try {
    const hash = createHash('sha256')
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, (await file.stat()).size + 1))
    for (;;) {
      const { bytesRead } = await file.read(piece)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(piece.subarray(0, bytesRead))
    }
  } finally {
    await file.close()
  }
}
