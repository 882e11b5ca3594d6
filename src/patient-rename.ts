import type { PathLike } from 'node:fs'
import { rename } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'

const BUSY: ReadonlySet<string | undefined> = new Set(['EPERM', 'EACCES', 'EBUSY'])

interface Patience {
  readonly rename: (from: PathLike, to: PathLike) => Promise<void>
  /** Before each further attempt. 8 s in all: so long a virus scanner may look at what was just written. */
  readonly delaysMs: readonly number[]
}

const PATIENCE: Patience = {
  rename,
  delaysMs: process.platform === 'win32' ? [10, 20, 50, 100, 300, 500, 1000, 2000, 4000] : [],
}

/** Renames; on Windows, where nothing can be renamed while somebody has it or what is in it open, more than once. */
export async function renamePatiently(
  from: PathLike,
  to: PathLike,
  given: Partial<Patience> = {},
): Promise<void> {
  const patience = { ...PATIENCE, ...given }
  for (const delayMs of patience.delaysMs) {
    try {
      return await patience.rename(from, to)
    } catch (error) {
      if (!BUSY.has((error as NodeJS.ErrnoException).code)) throw error
    }
    await setTimeout(delayMs)
  }
  await patience.rename(from, to)
}
