import { execFileSync } from 'node:child_process'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished, type TestContext, vi } from 'vitest'
import { temporary } from './temporary.ts'

const DISK_BYTES = 256 * 1024 ** 2

/**
 * Until the test ends, temporary directories lie on a new exFAT disk: `A` and `a` are one there, and it has neither
 * symlinks nor modes. Skips the test with a word where none can be mounted.
 */
export function useFoldingDisk(context: TestContext): void {
  const [image, place] = [join(temporary(), 'disk'), temporary()]
  writeFileSync(image, '')
  truncateSync(image, DISK_BYTES)
  try {
    run('mkfs.exfat', image)
    const device = run('losetup', '--find', '--show', image)
    onTestFinished(() => void run('losetup', '--detach', device))
    run('mount.exfat-fuse', device, place)
  } catch {
    context.skip('no exFAT disk can be mounted here: it needs exfatprogs, exfat-fuse, /dev/fuse and root')
  }
  onTestFinished(() => void run('umount', place))
  vi.stubEnv('TMPDIR', place)
  onTestFinished(() => void vi.unstubAllEnvs())
}

function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' }).trim()
}
