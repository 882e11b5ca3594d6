import type { Dirent } from 'node:fs'
import { lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

const FILES: ReadonlySet<string> = new Set(['HEAD', 'index', 'packed-refs', 'shallow'])
const DIRECTORIES: ReadonlySet<string> = new Set(['info', 'lfs', 'logs', 'objects', 'refs', 'reftable'])
const SHARED_INDEX = /^sharedindex\.[0-9a-f]+$/

/** What leads git to other repositories, whose contents would have to be looked through as well. */
const LEADS_ELSEWHERE = ['commondir', 'modules', 'objects/info/alternates', 'objects/info/http-alternates']

/** Whether a `.git` has the parts of a repository, none of them a link, and needs nothing outside of it. */
export async function isPlainRepository(dotGit: string): Promise<boolean> {
  if (!(await lstatOf(dotGit))?.isDirectory()) return false
  for (const name of LEADS_ELSEWHERE) {
    if ((await lstatOf(join(dotGit, name))) !== undefined) return false
  }
  const entries = await readdir(dotGit, { withFileTypes: true })
  const isRight = (entry: Dirent) => {
    if (FILES.has(entry.name) || entry.name === 'config') return entry.isFile()
    return !DIRECTORIES.has(entry.name) || entry.isDirectory()
  }
  const names = new Set(entries.map(({ name }) => name))
  return ['HEAD', 'config', 'objects', 'refs'].every((name) => names.has(name)) && entries.every(isRight)
}

/**
 * Removes what can run a command or leads git elsewhere, and what processes that are gone have left, from a plain
 * repository. The config stays, and is to be written anew before git runs there.
 */
export async function dropLeftovers(dotGit: string): Promise<void> {
  const drop = (path: string) => rm(path, { recursive: true, force: true })
  for (const name of await readdir(dotGit)) {
    const stays = FILES.has(name) || DIRECTORIES.has(name) || SHARED_INDEX.test(name) || name === 'config'
    if (!stays) await drop(join(dotGit, name))
  }
  for (const [directory, kept] of [
    ['info', 'exclude'],
    ['lfs', 'objects'],
  ] as const) {
    for (const name of await namesIn(join(dotGit, directory))) {
      if (name !== kept) await drop(join(dotGit, directory, name))
    }
  }
  for (const name of await readdir(join(dotGit, 'refs'), { recursive: true })) {
    if (name.endsWith('.lock')) await drop(join(dotGit, 'refs', name))
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return (await lstatOf(directory))?.isDirectory() ? await readdir(directory) : []
}

export async function lstatOf(path: string) {
  try {
    return await lstat(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
