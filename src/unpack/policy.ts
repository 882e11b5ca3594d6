import { ActionError } from '../errors.ts'
import { checkDirectories, checkLastName, type Naming, relativePath, unsafe } from './entry-name.ts'
import type { TarEntry } from './tar.ts'

/** What an unpacked tree may cost at most. */
export interface TreeLimits {
  readonly entries: number
  readonly bytes: number
}

/** They are all kept, to know what is taken. */
const MAX_ALL_PATHS_BYTES = 512 * 1024 * 1024
const MAX_LINKS = 500_000
const MAX_LINK_BYTES = 64 * 1024 * 1024
/** PATH_MAX less its NUL: no system makes a link to more. */
const MAX_TARGET_BYTES = 4095

export interface PolicyOptions {
  readonly limits: TreeLimits
  readonly naming: Naming
  /** Asked for names relative to `.git`. */
  readonly staysInDotGit: (name: string) => boolean
  /** Called for each directory of the tree, parents first. */
  readonly makeDirectory: (path: string) => void
}

/** What becomes of an entry. Paths are latin1 strings relative to the tree's root, without slashes at their ends. */
export type Decision =
  /** The root itself, or a part of `.git` that is not taken over. */
  | { readonly kind: 'skip' }
  | { readonly kind: 'directory' | 'symlink' | 'hardlink'; readonly path: string }
  /** `number` counts the files from 0. */
  | { readonly kind: 'file'; readonly path: string; readonly number: number; readonly inDotGit: boolean }

/** What a path is taken by, where it is no file's number. */
const DIRECTORY = -1
const LINK = -2

/**
 * What entries may be called and be. It fails closed: whatever a tar of a git clone does not need is an error.
 * Symlinks are never on the way to anything, since none exists until all files are written.
 */
export class EntryPolicy {
  readonly #limits: TreeLimits
  readonly #naming: Naming
  readonly #staysInDotGit: (name: string) => boolean
  readonly #makeDirectory: (path: string) => void
  /** What each path is: a file by its number, or one of the two above. */
  readonly #taken = new Map<string, number>([['', DIRECTORY]])
  /** The directory of the last entry: most entries have the same as the one before. */
  #lastParent = ''
  #read = 0
  #entries = 0
  #files = 0
  #bytes = 0
  #links = 0
  #linkBytes = 0
  #pathBytes = 0
  /** Names inside `.git` that were not taken over. */
  skipped = 0

  constructor(options: PolicyOptions) {
    this.#limits = options.limits
    this.#naming = options.naming
    this.#staysInDotGit = options.staysInDotGit
    this.#makeDirectory = options.makeDirectory
  }

  /** The number of an admitted file. */
  numberOf(path: string): number | undefined {
    const taken = this.#taken.get(path)
    return taken === undefined || taken < 0 ? undefined : taken
  }

  hasTaken(...paths: readonly string[]): boolean {
    return paths.every((path) => this.#taken.has(path))
  }

  /** Counts bytes of the archive, be they content, headers or what follows its end: all of them cost time. */
  countRead(bytes: number): void {
    this.#read += bytes
    if (this.#read > this.#limits.bytes)
      throw tooMuch(`has more than ${this.#limits.bytes} bytes${MORE_BYTES}`)
  }

  /** Makes the directories that an entry needs. Throws UNSAFE_ENTRY or LIMIT_EXCEEDED. */
  decide(entry: TarEntry): Decision {
    this.#count(entry)
    const path = relativePath(entry)
    if (path === '') return { kind: 'skip' }
    const slash = path.lastIndexOf('/')
    const isKnownParent = slash > 0 && slash === this.#lastParent.length && path.startsWith(this.#lastParent)
    const parent = isKnownParent ? this.#lastParent : path.slice(0, Math.max(0, slash))
    if (!isKnownParent && !this.#taken.has(parent)) checkDirectories(parent, entry, this.#naming)
    checkLastName(path, entry, this.#naming)
    const inDotGit = isInDotGit(path)
    if (inDotGit && !this.#staysIn(path, entry)) {
      this.skipped += 1
      return { kind: 'skip' }
    }
    if (!isKnownParent) this.#enter(parent, entry)
    return this.#admit(entry, path, inDotGit)
  }

  #count({ path, size, kind, target }: TarEntry): void {
    this.#countEntry()
    this.#pathBytes += path.length
    if (this.#pathBytes > MAX_ALL_PATHS_BYTES)
      throw tooMuch(`has more than ${MAX_ALL_PATHS_BYTES} bytes of paths`)
    this.#bytes += size
    if (this.#bytes > this.#limits.bytes)
      throw tooMuch(`unpacks to more than ${this.#limits.bytes} bytes${MORE_BYTES}`)
    if (kind !== 'symlink' && kind !== 'hardlink') return
    this.#links += 1
    this.#linkBytes += target.length
    if (this.#links > MAX_LINKS || this.#linkBytes > MAX_LINK_BYTES) {
      throw tooMuch(`has more than ${MAX_LINKS} links or ${MAX_LINK_BYTES} bytes of link targets`)
    }
  }

  #countEntry(): void {
    this.#entries += 1
    if (this.#entries > this.#limits.entries)
      throw tooMuch(`has more than ${this.#limits.entries} entries${MORE_ENTRIES}`)
  }

  #staysIn(path: string, entry: TarEntry): boolean {
    const { kind } = entry
    if (kind !== 'directory' && kind !== 'file') throw unsafe(entry, `a ${kind} inside .git`)
    if (path !== '.git') return this.#staysInDotGit(path.slice('.git/'.length))
    if (kind === 'file') throw unsafe(entry, 'a file in the place of the .git directory')
    return true
  }

  /** Makes the parents that the archive has not named, unless one of them is something else. */
  #enter(parent: string, entry: TarEntry): void {
    this.#lastParent = parent
    if (this.#taken.get(parent) === DIRECTORY) return
    for (let slash = parent.indexOf('/'); ; slash = parent.indexOf('/', slash + 1)) {
      const ancestor = slash === -1 ? parent : parent.slice(0, slash)
      const taken = this.#taken.get(ancestor)
      if (taken === undefined) {
        this.#countEntry()
        this.#addDirectory(ancestor)
      } else if (taken !== DIRECTORY) throw unsafe(entry, 'an entry below a file or link')
      if (slash === -1) return
    }
  }

  #addDirectory(path: string): void {
    this.#taken.set(path, DIRECTORY)
    this.#makeDirectory(path)
  }

  #admit(entry: TarEntry, path: string, inDotGit: boolean): Decision {
    const { kind } = entry
    const taken = this.#taken.get(path)
    if (taken !== undefined && !(kind === 'directory' && taken === DIRECTORY)) {
      throw unsafe(entry, 'a second entry of the same name')
    }
    if (kind === 'file') {
      const number = this.#files
      this.#files += 1
      this.#taken.set(path, number)
      return { kind, path, number, inDotGit }
    }
    if (kind === 'directory') {
      if (taken === undefined) this.#addDirectory(path)
      return { kind, path }
    }
    if (entry.target === '' || entry.target.includes('\0')) throw unsafe(entry, 'a link to nothing')
    if (entry.target.length > MAX_TARGET_BYTES)
      throw unsafe(entry, `a link to ${entry.target.length} bytes of path`)
    if (kind === 'hardlink') this.#checkLinked(entry)
    this.#taken.set(path, LINK)
    return { kind, path }
  }

  #checkLinked(entry: TarEntry): void {
    const linked = linkedPath(entry)
    if (this.numberOf(linked) !== undefined && !linked.startsWith('.git/')) return
    throw unsafe(entry, 'a hard link to what is no earlier file of the work tree')
  }
}

export function isInDotGit(path: string): boolean {
  return path === '.git' || path.startsWith('.git/')
}

/** The path of the file that a hard link names, as `decide` gave it. */
export function linkedPath({ target }: TarEntry): string {
  return target.startsWith('./') ? target.slice(2) : target
}

const MORE_BYTES = ' (the input max-unpacked-bytes allows more)'
const MORE_ENTRIES = ' (the input max-entries allows more)'

function tooMuch(what: string): ActionError {
  return new ActionError('LIMIT_EXCEEDED', `the archive is refused: it ${what}`)
}
