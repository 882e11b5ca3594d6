import { existsSync } from 'node:fs'
import { access, constants, mkdir, readdir, realpath, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ActionError } from '../errors.ts'
import { sanitize } from '../sanitize.ts'
import { readHead } from './dotgit.ts'
import { lstatOf } from './presence.ts'

const FILES: ReadonlySet<string> = new Set(['HEAD', 'index', 'packed-refs', 'shallow'])
const DIRECTORIES: ReadonlySet<string> = new Set(['info', 'lfs', 'logs', 'objects', 'refs', 'reftable'])
const SHARED_INDEX = /^sharedindex\.[0-9a-f]+$/

/** What leads git to other repositories, whose contents would have to be looked through as well. */
const LEADS_ELSEWHERE = ['commondir', 'modules', 'objects/info/alternates', 'objects/info/http-alternates']

/**
 * Whether a `.git` is a repository for git too, which would look for one in the directory around it otherwise, with
 * no link in what of it stays, and in need of nothing outside of it.
 */
export async function isPlainRepository(dotGit: string): Promise<boolean> {
  if (!(await lstatOf(dotGit))?.isDirectory()) return false
  for (const name of LEADS_ELSEWHERE) {
    if ((await lstatOf(join(dotGit, name))) !== undefined) return false
  }
  try {
    return (await hasPlainParts(dotGit)) && (await isOpenTo(dotGit))
  } catch {
    return false
  }
}

async function hasPlainParts(dotGit: string): Promise<boolean> {
  const entries = await readdir(dotGit, { withFileTypes: true })
  const names = new Set(entries.map(({ name }) => name))
  if (!['HEAD', 'config', 'objects', 'refs'].every((name) => names.has(name))) return false
  for (const entry of entries) {
    if (FILES.has(entry.name) || SHARED_INDEX.test(entry.name) || entry.name === 'config') {
      if (!entry.isFile()) return false
    } else if (DIRECTORIES.has(entry.name)) {
      if (!entry.isDirectory()) return false
      const inside = await readdir(join(dotGit, entry.name), { recursive: true, withFileTypes: true })
      if (!inside.every((below) => below.isFile() || below.isDirectory())) return false
    }
  }
  return true
}

/** What git itself asks before it takes a directory for a repository. */
async function isOpenTo(dotGit: string): Promise<boolean> {
  for (const name of ['objects', 'refs']) await access(join(dotGit, name), constants.X_OK)
  await readHead(dotGit, (await lstatOf(join(dotGit, 'reftable'))) !== undefined)
  return true
}

/**
 * Removes what can run a command or leads git elsewhere, and what processes that are gone have left, from a plain
 * repository. The config stays, and is to be written anew before git runs there.
 */
export async function dropLeftovers(dotGit: string): Promise<void> {
  for (const name of await readdir(dotGit)) {
    const stays = FILES.has(name) || DIRECTORIES.has(name) || SHARED_INDEX.test(name) || name === 'config'
    if (!stays) await drop(join(dotGit, name))
  }
  // With none in it: a job may put its own there.
  await mkdir(join(dotGit, 'hooks'))
  for (const [directory, kept] of [
    ['info', 'exclude'],
    ['lfs', 'objects'],
  ] as const) {
    for (const name of await namesIn(join(dotGit, directory))) {
      if (name !== kept) await drop(join(dotGit, directory, name))
    }
  }
  for (const directory of DIRECTORIES) {
    const names = await namesIn(join(dotGit, directory), { recursive: true })
    const isUnfinished = (name: string) => directory === 'objects' && basename(name).startsWith('tmp_')
    for (const name of names) {
      if (name.endsWith('.lock') || isUnfinished(name)) await drop(join(dotGit, directory, name))
    }
  }
}

/**
 * Removes every repository in these directories of a working copy: git would run what its config says as soon as
 * somebody is there. What the disk takes for `.git` counts, however it is spelled.
 */
export async function dropRepositoriesIn(directories: Iterable<string>, tree: string): Promise<void> {
  for (const directory of directories) {
    const place = join(tree, directory)
    const isThere = directory !== '.' && existsSync(join(place, '.git'))
    // What lies behind a link is not ours.
    if (isThere && (await realpath(place)) === place) await drop(join(place, '.git'))
  }
}

/**
 * Throws where one of these submodules has a repository already: by its config, what an earlier job put there would
 * run with what lets this one in. A path that is not UTF-8 cannot be looked at.
 */
export async function refuseRepositoriesIn(submodules: readonly string[], tree: string): Promise<void> {
  for (const path of submodules) {
    const isReadable = !path.includes('\ufffd')
    if (isReadable && (await lstatOf(join(tree, path, '.git'))) === undefined) continue
    const message = `there may be a repository in the place of the submodule ${sanitize(path)}`
    throw new ActionError('GIT_FAILED', message)
  }
}

function drop(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true })
}

async function namesIn(
  directory: string,
  how: { readonly recursive?: boolean } = {},
): Promise<readonly string[]> {
  return (await lstatOf(directory))?.isDirectory()
    ? await readdir(directory, { ...how, encoding: 'utf8' })
    : []
}
