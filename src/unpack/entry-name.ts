import { Buffer, isUtf8 } from 'node:buffer'
import { ActionError } from '../errors.ts'
import { shownPath } from '../shown-path.ts'
import type { TarEntry } from './tar.ts'

/** Whose names the disk takes: `windows` refuses many that elsewhere are names as any other. */
export type Naming = 'posix' | 'windows'

const MAX_PATH_BYTES = 4096
const MAX_COMPONENT_BYTES = 255
const MAX_DEPTH = 256

/** The path below the tree's root, without slashes at its ends; '' for the root. Throws UNSAFE_ENTRY. */
export function relativePath(entry: TarEntry): string {
  const { path, kind } = entry
  if (path === '' || path.length > MAX_PATH_BYTES) throw unsafe(entry, `a path of ${path.length} bytes`)
  if (path.includes('\0')) throw unsafe(entry, 'a path with a NUL in it')
  const inside = path.startsWith('./') ? path.slice(2) : path === '.' ? '' : path
  if (inside.startsWith('/')) throw unsafe(entry, 'an absolute path')
  const named = inside.endsWith('/') ? inside.slice(0, -1) : inside
  if (kind !== 'directory' && (named === '' || named !== inside))
    throw unsafe(entry, `a ${kind} named as a directory`)
  return named
}

/** Refuses a path of directories that no git clone has, or that leads elsewhere on some file system. */
export function checkDirectories(parent: string, entry: TarEntry, naming: Naming): void {
  const components = parent.split('/')
  if (components.length >= MAX_DEPTH) throw unsafe(entry, `a path deeper than ${MAX_DEPTH}`)
  components.forEach((component, depth) => {
    checkComponent(component, entry, depth === 0 ? 'top' : 'below')
    if (naming === 'windows') checkWindowsName(component, entry)
  })
}

/** The same for the last name of a path. */
export function checkLastName(path: string, entry: TarEntry, naming: Naming): void {
  const slash = path.lastIndexOf('/')
  const name = path.slice(slash + 1)
  checkComponent(name, entry, slash === -1 ? 'top' : 'below')
  if (naming === 'windows') checkWindowsName(name, entry)
}

function checkComponent(name: string, entry: TarEntry, place: 'top' | 'below'): void {
  if (name === '' || name === '.' || name === '..') throw unsafe(entry, `a path with "${name}" in it`)
  if (name.length > MAX_COMPONENT_BYTES)
    throw unsafe(entry, `a name longer than ${MAX_COMPONENT_BYTES} bytes`)
  if (!(place === 'top' && name === '.git') && isDotGit(name))
    throw unsafe(entry, 'a name that some file systems take for .git')
}

/**
 * Whether some file system takes a name for `.git`: HFS+ and ext4 ignore code points, ZFS folds compatible ones, NTFS
 * drops ends and has short names. No less than git's own is_hfs_dotgit and is_ntfs_dotgit.
 */
function isDotGit(name: string): boolean {
  const first = name.charCodeAt(0)
  if (first !== 0x2e && first !== 0x67 && first !== 0x47 && first < 0x80) return false
  const seen = Buffer.from(name, 'latin1').toString().replace(IGNORED, '').normalize('NFKC')
  return /^(\.git|git~1)[ .]*($|[\\:])/i.test(seen)
}

const IGNORED = /\p{Default_Ignorable_Code_Point}/gu

/** What Windows takes for a device, with whatever extension; the digits are in UTF-8 read as latin1. */
const WINDOWS_DEVICE = /^(con|prn|aux|nul|(com|lpt)([0-9]|\xc2[\xb9\xb2\xb3])|conin\$|conout\$) *(\.|$)/i

/** Windows separates by `\\`, names streams after `:`, drops dots and spaces at an end, and keeps UTF-16. */
function checkWindowsName(name: string, entry: TarEntry): void {
  if (/[^ -\xff]|[<>:"|?*\\]/.test(name)) throw unsafe(entry, 'a character that Windows has in no name')
  if (!isUtf8(Buffer.from(name, 'latin1'))) throw unsafe(entry, 'a name that is no UTF-8, on Windows')
  if (/[ .]$/.test(name)) throw unsafe(entry, 'a name whose end Windows drops')
  if (WINDOWS_DEVICE.test(name)) throw unsafe(entry, 'a name that Windows takes for a device')
}

/** The error for an entry that is not what a clone has. */
export function unsafe({ path }: TarEntry, what: string): ActionError {
  return new ActionError('UNSAFE_ENTRY', `the archive is refused: ${what}: ${shownPath(path)}`)
}
