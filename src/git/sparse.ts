import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Git, GitOptions } from './git.ts'
import { refusedPatterns } from './hopeless.ts'
import { textOf } from './presence.ts'

/** Which of a commit's files are to be in the tree. */
export interface Sparse {
  /** At least one, none of them empty. */
  readonly patterns: readonly string[]
  /** Whether the patterns name directories; otherwise they are written as in a .gitignore. */
  readonly isCone: boolean
}

/** What setSparse leaves in a git directory beside its config; latin1 of the bytes. */
export interface SparseFiles {
  readonly patterns: string
  /** Undefined where the config itself has all the settings. */
  readonly worktreeConfig: string | undefined
}

const WORKTREE_CONFIG = 'config.worktree'

/**
 * Sets the patterns before a checkout, which then brings the files inside them and removes those outside. Patterns in
 * cone mode are INVALID_INPUT: no other way to the commit would take them.
 */
export async function setSparse(
  git: Git,
  gitDirectory: string,
  { patterns, isCone }: Sparse,
  options: GitOptions,
): Promise<void> {
  if (isCone) {
    try {
      await git.run(['sparse-checkout', 'set', '--', ...patterns], options)
    } catch (error) {
      throw refusedPatterns(error, patterns)
    }
    return
  }
  await git.run(['config', '--local', 'core.sparseCheckout', 'true'])
  await writePatterns(gitDirectory, Buffer.from(`\n${patterns.join('\n')}\n`))
}

/** What setSparse has left in a git directory. */
export async function readSparse(gitDirectory: string): Promise<SparseFiles> {
  const patterns = await readFile(patternsIn(gitDirectory), 'latin1')
  return { patterns, worktreeConfig: await textOf(join(gitDirectory, WORKTREE_CONFIG)) }
}

/** Sets for another git directory, which has the same settings in its config, what `readSparse` found. */
export async function writeSparse(gitDirectory: string, files: SparseFiles): Promise<void> {
  await writePatterns(gitDirectory, Buffer.from(files.patterns, 'latin1'))
  if (files.worktreeConfig === undefined) return
  await writeFile(join(gitDirectory, WORKTREE_CONFIG), files.worktreeConfig, 'latin1')
}

async function writePatterns(gitDirectory: string, patterns: Buffer): Promise<void> {
  await mkdir(join(gitDirectory, 'info'), { recursive: true })
  await writeFile(patternsIn(gitDirectory), patterns)
}

function patternsIn(gitDirectory: string): string {
  return join(gitDirectory, 'info', 'sparse-checkout')
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
  await rm(join(gitDirectory, WORKTREE_CONFIG), { force: true })
}
