import { ActionError } from '../errors.ts'
import type { TarEntry } from './tar.ts'

/** What an unpacked tree may cost at most. */
export interface TreeLimits {
  readonly entries: number
  readonly bytes: number
}

export const DEFAULT_LIMITS: TreeLimits = { entries: 5_000_000, bytes: 64 * 1024 ** 3 }

const MAX_PATH_BYTES = 4096
const MAX_COMPONENT_BYTES = 255
const MAX_DEPTH = 256
const MAX_LINKS = 500_000
const MAX_LINK_BYTES = 64 * 1024 * 1024

/** What becomes of an entry. Paths are latin1 strings relative to the tree's root, without slashes at their ends. */
export type Decision =
  /** The root itself, or a part of `.git` that is not taken over. */
  | { readonly kind: 'skip' }
  | { readonly kind: 'directory' | 'symlink' | 'hardlink'; readonly path: string }
  /** `number` counts the files from 0. */
  | { readonly kind: 'file'; readonly path: string; readonly number: number; readonly inDotGit: boolean }

/**
 * What entries may be called and be. It fails closed: whatever a tar of a git clone does not need is an error.
 * Symlinks are never on the way to anything, since none exists until all files are written.
 */
export class EntryPolicy {
  readonly #limits: TreeLimits
  readonly #staysInDotGit: (name: string) => boolean
  readonly #directories = new Set([''])
  readonly #files = new Map<string, number>()
  readonly #links = new Set<string>()
  #entries = 0
  #bytes = 0
  #linkBytes = 0
  /** Names inside `.git` that were not taken over. */
  skipped = 0

  /** `staysInDotGit` is asked for names relative to `.git`. */
  constructor(limits: TreeLimits, staysInDotGit: (name: string) => boolean) {
    this.#limits = limits
    this.#staysInDotGit = staysInDotGit
  }

  /** The number of an admitted file. */
  numberOf(path: string): number | undefined {
    return this.#files.get(path)
  }

  /** Throws UNSAFE_ENTRY or LIMIT_EXCEEDED. New parent directories are given to `makeDirectory`, outermost first. */
  decide(entry: TarEntry, makeDirectory: (path: string) => void): Decision {
    this.#count(entry)
    const path = relativePath(entry)
    if (path === '') return { kind: 'skip' }
    const slash = path.lastIndexOf('/')
    const parent = slash === -1 ? '' : path.slice(0, slash)
    if (!this.#directories.has(parent)) checkDirectories(parent, entry)
    checkComponent(path.slice(slash + 1), entry, slash === -1)
    const inDotGit = path === '.git' || path.startsWith('.git/')
    if (inDotGit) {
      if (entry.kind !== 'directory' && entry.kind !== 'file')
        throw unsafe(entry, `a ${entry.kind} inside .git`)
      if (path === '.git' && entry.kind === 'file')
        throw unsafe(entry, 'a file in the place of the .git directory')
      if (path !== '.git' && !this.#staysInDotGit(path.slice('.git/'.length))) {
        this.skipped += 1
        return { kind: 'skip' }
      }
    }
    this.#enter(parent, entry, makeDirectory)
    if (entry.kind === 'directory') return this.#admitDirectory(entry, path, makeDirectory)
    if (this.#files.has(path) || this.#links.has(path) || this.#directories.has(path)) {
      throw unsafe(entry, 'a second entry of the same name')
    }
    if (entry.kind !== 'file') return this.#admitLink(entry, path)
    const number = this.#files.size
    this.#files.set(path, number)
    return { kind: 'file', path, number, inDotGit }
  }

  #count({ size, kind, target }: TarEntry): void {
    this.#entries += 1
    this.#bytes += size
    if (this.#entries > this.#limits.entries) throw tooMuch(`has more than ${this.#limits.entries} entries`)
    if (this.#bytes > this.#limits.bytes) throw tooMuch(`unpacks to more than ${this.#limits.bytes} bytes`)
    if (kind !== 'symlink' && kind !== 'hardlink') return
    this.#linkBytes += target.length
    if (this.#links.size >= MAX_LINKS || this.#linkBytes > MAX_LINK_BYTES) {
      throw tooMuch(`has more than ${MAX_LINKS} links or ${MAX_LINK_BYTES} bytes of link targets`)
    }
  }

  /** Makes the parents that the archive has not named, unless one of them is something else. */
  #enter(parent: string, entry: TarEntry, makeDirectory: (path: string) => void): void {
    if (this.#directories.has(parent)) return
    for (let slash = parent.indexOf('/'); ; slash = parent.indexOf('/', slash + 1)) {
      const ancestor = slash === -1 ? parent : parent.slice(0, slash)
      if (this.#files.has(ancestor) || this.#links.has(ancestor))
        throw unsafe(entry, 'something below a file or link')
      if (!this.#directories.has(ancestor)) {
        this.#directories.add(ancestor)
        makeDirectory(ancestor)
      }
      if (slash === -1) return
    }
  }

  #admitDirectory(entry: TarEntry, path: string, makeDirectory: (path: string) => void): Decision {
    if (this.#files.has(path) || this.#links.has(path))
      throw unsafe(entry, 'a directory in the place of a file or link')
    if (!this.#directories.has(path)) {
      this.#directories.add(path)
      makeDirectory(path)
    }
    return { kind: 'directory', path }
  }

  #admitLink(entry: TarEntry, path: string): Decision {
    if (entry.target === '' || entry.target.includes('\0')) throw unsafe(entry, 'a link to nothing')
    if (entry.kind === 'hardlink' && !this.#files.has(linkedPath(entry))) {
      throw unsafe(entry, 'a hard link to what is no file of this archive')
    }
    this.#links.add(path)
    return { kind: entry.kind === 'hardlink' ? 'hardlink' : 'symlink', path }
  }
}

/** The path of the file that a hard link names, as `decide` gave it. */
export function linkedPath({ target }: TarEntry): string {
  return target.startsWith('./') ? target.slice(2) : target
}

function relativePath(entry: TarEntry): string {
  const { path, kind } = entry
  if (path === '' || path.length > MAX_PATH_BYTES) throw unsafe(entry, `a path of ${path.length} bytes`)
  if (path.startsWith('/')) throw unsafe(entry, 'an absolute path')
  if (path.includes('\0')) throw unsafe(entry, 'a path with a NUL in it')
  const inside = path.startsWith('./') ? path.slice(2) : path === '.' ? '' : path
  const named = inside.endsWith('/') ? inside.slice(0, -1) : inside
  if (kind !== 'directory' && (named === '' || named !== inside))
    throw unsafe(entry, `a ${kind} named as a directory`)
  return named
}

function checkDirectories(parent: string, entry: TarEntry): void {
  const components = parent.split('/')
  if (components.length >= MAX_DEPTH) throw unsafe(entry, `a path deeper than ${MAX_DEPTH}`)
  components.forEach((component, depth) => {
    checkComponent(component, entry, depth === 0)
  })
}

function checkComponent(name: string, entry: TarEntry, isTop: boolean): void {
  if (name === '' || name === '.' || name === '..') throw unsafe(entry, `a path with "${name}" in it`)
  if (name.length > MAX_COMPONENT_BYTES)
    throw unsafe(entry, `a name longer than ${MAX_COMPONENT_BYTES} bytes`)
  if (!(isTop && name === '.git') && isDotGit(name))
    throw unsafe(entry, 'a name that some file systems take for .git')
}

/** Code points that HFS+ ignores in names, in UTF-8 read as latin1. */
const HFS_IGNORED = /\xe2\x80[\x8c-\x8f\xaa-\xae]|\xe2\x81[\xaa-\xaf]|\xef\xbb\xbf/g

/** Whether HFS+ or NTFS would take a name for `.git` (git's own rules: is_hfs_dotgit, is_ntfs_dotgit). */
function isDotGit(name: string): boolean {
  const first = name.charCodeAt(0)
  if (first !== 0x2e && first !== 0x67 && first !== 0x47 && first < 0x80) return false
  if (name.replace(HFS_IGNORED, '').toLowerCase() === '.git') return true
  return /^(\.git|git~1)[ .]*($|[\\:])/i.test(name)
}

function unsafe({ path }: TarEntry, what: string): ActionError {
  return new ActionError(
    'UNSAFE_ENTRY',
    `the archive is refused: ${what}: ${JSON.stringify(path.slice(0, 300))}`,
  )
}

function tooMuch(what: string): ActionError {
  return new ActionError('LIMIT_EXCEEDED', `the archive is refused: it ${what}`)
}
