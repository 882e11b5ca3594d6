import type { Dirent, Stats } from 'node:fs'
import { lstat, readdir, readFile } from 'node:fs/promises'

/** What lies at a path, a link itself; undefined where nothing does. */
export function lstatOf(path: string | Buffer): Promise<Stats | undefined> {
  return ifThere(lstat(path))
}

/** A file's bytes as latin1; undefined where there is no file. */
export function textOf(path: string | Buffer): Promise<string | undefined> {
  return ifThere(readFile(path, 'latin1'))
}

/** What is in a directory; nothing where there is none. */
export async function entriesIn(
  directory: string | Buffer,
  encoding: 'utf8' | 'latin1' = 'utf8',
): Promise<readonly Dirent[]> {
  return (await ifThere(readdir(directory, { encoding, withFileTypes: true }))) ?? []
}

async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined
    throw error
  }
}
