import { execFileSync } from 'node:child_process'
import { existsSync, statfsSync } from 'node:fs'
import { onTestFinished, type TestContext, vi } from 'vitest'
import { temporary } from './temporary.ts'

const MEMORY_DISK = '/dev/shm'

/** Until the running test ends, temporary directories lie in memory, where that has room for the bytes. */
export function useMemoryDisk(neededBytes: number): void {
  if (!existsSync(MEMORY_DISK)) return
  const { bavail, bsize } = statfsSync(MEMORY_DISK)
  if (bavail * bsize < neededBytes) return
  vi.stubEnv('TMPDIR', MEMORY_DISK)
  onTestFinished(() => void vi.unstubAllEnvs())
}

/** A new file system in memory. */
export function mounted(context: TestContext, options: string): string {
  const place = temporary()
  mountMemory(context, place, options)
  return place
}

/** Mounts a file system in memory until the test ends; skips the test with a word where that is not allowed. */
export function mountMemory(context: TestContext, place: string, options: string): void {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', place], { stdio: 'pipe' })
  } catch {
    context.skip('mounting is not allowed here')
  }
  onTestFinished(() => void execFileSync('umount', [place]))
}
