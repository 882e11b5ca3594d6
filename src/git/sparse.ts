import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Git, GitOptions } from './git.ts'

/** Which of a commit's files are to be in the tree. */
export interface Sparse {
  /** At least one, none of them empty. */
  readonly patterns: readonly string[]
  /** Whether the patterns name directories; otherwise they are written as in a .gitignore. */
  readonly isCone: boolean
}

/** Sets the patterns before a checkout, which then brings the files inside them and removes those outside. */
export async function setSparse(
  git: Git,
  gitDirectory: string,
  { patterns, isCone }: Sparse,
  options: GitOptions,
): Promise<void> {
  if (isCone) {
    await git.run(['sparse-checkout', 'set', '--', ...patterns], options)
    return
  }
  await git.run(['config', '--local', 'core.sparseCheckout', 'true'])
  const info = join(gitDirectory, 'info')
  await mkdir(info, { recursive: true })
  await writeFile(join(info, 'sparse-checkout'), `\n${patterns.join('\n')}\n`)
}

/**
 * Brings every file back into the tree of a clone that may have been sparse. An index can say that files are to be
 * left out whatever the config says: git forgets that here too.
 */
export async function endSparse(git: Git, gitDirectory: string, options: GitOptions): Promise<void> {
  await git.run(['sparse-checkout', 'disable'], options)
  for (const key of ['core.sparseCheckout', 'extensions.worktreeConfig']) {
    await git.succeeds(['config', '--local', '--unset-all', key])
  }
  await rm(join(gitDirectory, 'config.worktree'), { force: true })
}
