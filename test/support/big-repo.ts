import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { git } from './git-repo.ts'

/** Real trees of real sizes: 43,102 and 4,310 files. */
const PACKAGES = ['@mui/icons-material@7.3.11', 'react-native@0.80.3']
const CACHE = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'git-snapshot')

const run = promisify(execFile)

/** The packages could not be had from the registry that npm is configured for. */
export class NoPackages extends Error {
  override readonly name = 'NoPackages'
}

/**
 * A bare repository of 47,412 files and three commits, packed: published packages, which npm gets from its
 * registry. Made once, and kept below node_modules. Rejects with NoPackages where the registry is out of reach.
 */
export async function bigRepository(): Promise<string> {
  const repository = join(CACHE, 'big-1.git')
  if (existsSync(repository)) return repository
  await mkdir(CACHE, { recursive: true })
  const place = await mkdtemp(join(CACHE, 'making-'))
  try {
    const made = await makeRepository(place)
    // Somebody else may have been faster.
    await rename(made, repository).catch((error: unknown) => {
      if (!existsSync(repository)) throw error
    })
    return repository
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

async function makeRepository(place: string): Promise<string> {
  const tree = join(place, 'tree')
  await mkdir(join(tree, 'packages'), { recursive: true })
  await fetchPackages(place, join(tree, 'packages'))
  await git(tree, 'init', '--quiet', '--initial-branch=main')
  await git(tree, 'config', 'core.compression', '1')
  await commitAll(tree, 'Take over the packages')
  for (const change of ['first', 'second']) {
    await writeFile(join(tree, `${change}.md`), `# The ${change} change\n`)
    await appendFile(join(tree, 'packages', '0', 'package.json'), '\n')
    await commitAll(tree, `Make the ${change} change`)
  }
  await git(place, 'clone', '--quiet', '--bare', '--no-local', tree, 'made.git')
  return join(place, 'made.git')
}

async function fetchPackages(place: string, target: string): Promise<void> {
  const args = ['pack', ...PACKAGES, '--pack-destination', place, '--ignore-scripts', '--loglevel=error']
  await run('npm', args, { cwd: place }).catch((cause: unknown) => {
    throw new NoPackages(`npm could not get ${PACKAGES.join(' and ')}`, { cause })
  })
  const archives = (await readdir(place)).filter((name) => name.endsWith('.tgz')).sort()
  for (const [index, archive] of archives.entries()) {
    await mkdir(join(target, String(index)))
    await run('tar', [
      '-xzf',
      join(place, archive),
      '-C',
      join(target, String(index)),
      '--strip-components=1',
    ])
  }
}

/** All of it, whatever a `.gitignore` among it says. */
async function commitAll(tree: string, message: string): Promise<void> {
  await git(tree, 'add', '--all', '--force')
  await git(tree, 'commit', '--quiet', '--message', message)
}
