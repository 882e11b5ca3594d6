import { lstatSync } from 'node:fs'

/**
 * Whether what could not be made at a place of the work tree is one there with what an earlier entry made: this file
 * system folds their names (case, normalisation), as a clone on macOS and Windows meets it. Two directories are then
 * one, and two files are left to git. What is of two kinds is an attack, since it leads elsewhere.
 */
export function isFolded(error: unknown, place: string | Buffer, kind: 'file' | 'directory'): boolean {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false
  const there = lstatSync(place)
  return kind === 'file' ? there.isFile() : there.isDirectory()
}
