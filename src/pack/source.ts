import { constants, lstatSync, openSync, readdirSync, readlinkSync } from 'node:fs'
import { onDisk, toLatin1 } from '../on-disk.ts'
import { notPacked } from './not-packed.ts'
import type { Member } from './tar-writer.ts'

/** By its owner: all that git asks. */
const EXECUTABLE = 0o100
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)

/**
 * The directory that is packed. Paths are latin1, relative to it. Its calls are synchronous: for many small files
 * asynchronous ones take ten times as long.
 */
export class Source {
  readonly #root: string

  constructor(directory: string) {
    this.#root = toLatin1(directory)
  }

  /**
   * Everything below that is kept, a directory before what is in it, names in the order of their bytes. Only `.git`
   * comes before all else, in one piece: who unpacks it lets git begin while other files are still written.
   */
  *members(keeps: (path: string) => boolean): Generator<Member, void, undefined> {
    const names = this.#namesLastFirst('')
    const ahead = names.filter((path) => !isDotGit(path))
    ahead.push(...names.filter(isDotGit))
    for (let path = ahead.pop(); path !== undefined; path = ahead.pop()) {
      if (!keeps(path)) continue
      const member = this.#member(path)
      yield member
      if (member.kind !== 'directory') continue
      for (const name of this.#namesLastFirst(path)) ahead.push(`${path}/${name}`)
    }
  }

  /** A file's descriptor, which the caller closes; a link is not followed but an error. */
  open(path: string): number {
    return this.#ask(path, (place) => openSync(place, FLAGS))
  }

  #namesLastFirst(path: string): string[] {
    const names = this.#ask(path, (place) => readdirSync(place, { encoding: 'latin1' }))
    return names.sort().reverse()
  }

  #member(path: string): Member {
    const stats = this.#ask(path, (place) => lstatSync(place))
    if (stats.isFile()) {
      return { kind: 'file', path, size: stats.size, executable: (stats.mode & EXECUTABLE) !== 0 }
    }
    if (stats.isDirectory()) return { kind: 'directory', path }
    if (!stats.isSymbolicLink())
      throw notPacked(path, 'it is neither a file, a directory nor a symbolic link')
    return { kind: 'symlink', path, target: this.#ask(path, (place) => readlinkSync(place, 'latin1')) }
  }

  #ask<T>(path: string, ask: (place: string | Buffer) => T): T {
    try {
      return ask(onDisk(this.#root, path))
    } catch (error) {
      throw notPacked(path, 'it could not be read', error)
    }
  }
}

function isDotGit(path: string): boolean {
  return path === '.git'
}
