import { existsSync, statfsSync } from 'node:fs'
import { onTestFinished, vi } from 'vitest'

const MEMORY_DISK = '/dev/shm'

/** Until the running test ends, temporary directories lie in memory, where that has room for the bytes. */
export function useMemoryDisk(neededBytes: number): void {
  if (!existsSync(MEMORY_DISK)) return
  const { bavail, bsize } = statfsSync(MEMORY_DISK)
  if (bavail * bsize < neededBytes) return
  vi.stubEnv('TMPDIR', MEMORY_DISK)
  onTestFinished(() => void vi.unstubAllEnvs())
}
