import { execFile } from 'node:child_process'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bigRepository, NoPackages } from '../test/support/big-repo.ts'
import { cloneUpstream, type FileChange, git, makeUpstream, type Upstream } from '../test/support/git-repo.ts'
import { seededBytes, seededText } from './random.ts'

/** How a repository comes to be, as a bare one below a directory. */
export interface Recipe {
  /** Another number makes it anew where it is kept already. */
  readonly version: number
  readonly make: (root: string, repository: string) => Promise<Upstream>
}

export type RepositoryName = 'files' | 'history' | 'pack' | 'many' | 'library' | 'quick'

export const RECIPES: Readonly<Record<RepositoryName, Recipe>> = {
  /** Published packages: 47,412 files and three commits. */
  files: {
    version: 1,
    make: async (root, repository) => cloneUpstream({ root, repository }, await bigRepository()),
  },
  /** Published packages: 27,674 files, and many commits of what does not compress: 270 MB. */
  history: { version: 1, make: makeHistory },
  /** Few files, and a pack of 300 MB. */
  pack: {
    version: 1,
    make: (root, repository) =>
      makeUpstream({ root, repository }, [textFiles(100), ...vendored(30), ...notes(1)]),
  },
  many: {
    version: 1,
    make: (root, repository) => makeUpstream({ root, repository }, [textFiles(100_000), ...notes(1)]),
  },
  /** 9,000 files and 30 MB. */
  library: {
    version: 1,
    make: (root, repository) => makeUpstream({ root, repository }, [textFiles(9000), ...vendored(1)]),
  },
  /** 8,000 files and 40 MB, made in seconds. */
  quick: {
    version: 1,
    make: (root, repository) =>
      makeUpstream({ root, repository }, [textFiles(8000), ...vendored(4), ...notes(1)]),
  },
}

/** Any repository, by path or URL. */
export function recipeFrom(source: string): Recipe {
  return { version: 0, make: (root, repository) => cloneUpstream({ root, repository }, source) }
}

const FILES_A_DIRECTORY = 100
const WORDS_A_FILE = 150
const VENDOR_BYTES = 10_000_000

function textFiles(count: number): FileChange[] {
  return Array.from({ length: count }, (_, index) => ({
    path: `src/${Math.floor(index / FILES_A_DIRECTORY)}/${index}.ts`,
    content: seededText(`file ${index}`, WORDS_A_FILE),
  }))
}

/** Commits that each replace one file of 10 MB. */
function vendored(commits: number): FileChange[][] {
  return Array.from({ length: commits }, (_, index) => [
    { path: 'vendor.bin', content: seededBytes(`vendor ${index}`, VENDOR_BYTES) },
  ])
}

function notes(commits: number): FileChange[][] {
  return Array.from({ length: commits }, (_, index) => [
    { path: 'NOTES.md', content: seededText(`note ${index}`, 50) },
  ])
}

const AWS_SDK = 'aws-sdk@2.1693.0'
const ICONS_KEPT = 21_072
const VENDOR_COMMITS = 18
const NOTE_COMMITS = 200

/** The tree of `files` with fewer icons and one package more, and commits on top of it. */
async function makeHistory(root: string, repository: string): Promise<Upstream> {
  const [tree, packed] = [join(root, 'tree'), join(root, 'packed')]
  await git(root, 'clone', '--quiet', '--depth=1', `file://${await bigRepository()}`, tree)
  await dropIcons(join(tree, 'packages', '0'))
  await addPackage(AWS_SDK, packed, join(tree, 'packages', '2'))
  await rm(join(tree, '.git'), { recursive: true })
  await git(tree, 'init', '--quiet', '--initial-branch=main')
  await git(tree, 'config', 'core.compression', '1')
  await git(tree, 'add', '--all', '--force')
  await git(tree, 'commit', '--quiet', '--message=Take over the packages')
  const upstream = await cloneUpstream({ root, repository }, tree)
  for (const changes of [...vendored(VENDOR_COMMITS), ...notes(NOTE_COMMITS)]) await upstream.commit(changes)
  await Promise.all([tree, packed].map((path) => rm(path, { recursive: true })))
  return upstream
}

/** Removes all but the first files by name. */
async function dropIcons(directory: string): Promise<void> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
  for (const file of files.sort().slice(ICONS_KEPT)) await rm(file)
}

/** Unpacks a published package, which npm gets from the registry that it is configured for. */
async function addPackage(name: string, packed: string, target: string): Promise<void> {
  const run = promisify(execFile)
  await mkdir(packed)
  await mkdir(target)
  const args = ['pack', name, '--pack-destination', packed, '--ignore-scripts', '--loglevel=error']
  await run('npm', args).catch((cause: unknown) => {
    throw new NoPackages(`npm could not get ${name}`, { cause })
  })
  const [archive = ''] = await readdir(packed)
  await run('tar', ['-xzf', join(packed, archive), '-C', target, '--strip-components=1'])
}
