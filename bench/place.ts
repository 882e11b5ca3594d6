import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatMegabytes } from './format.ts'

const MEMORY_DISK = '/dev/shm'

/** Where everything happens; nothing of it stays. */
export interface Place {
  readonly directory: string
  /** What the run says about it. */
  readonly words: string
}

/**
 * A directory in memory where that has room, so that no disk is measured; else among the temporary ones. For this
 * process and its children temporary directories are in it from then on.
 */
export function makePlace(neededBytes: number): Place {
  const isInMemory = existsSync(MEMORY_DISK) && freeBytes(MEMORY_DISK) >= neededBytes
  const parent = isInMemory ? MEMORY_DISK : tmpdir()
  const directory = mkdtempSync(join(parent, 'git-snapshot-bench-'))
  process.env.TMPDIR = directory
  if (isInMemory) return { directory, words: `in memory (${MEMORY_DISK})` }
  const reason = `${MEMORY_DISK} has no ${formatMegabytes(neededBytes)} free`
  return { directory, words: `on the disk of ${parent}, since ${reason}: times depend on that disk` }
}

/** A fresh directory in the place. */
export function freshDirectory(name: string): string {
  return mkdtempSync(join(tmpdir(), `${name}-`))
}

export function remove(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 3 })
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}
