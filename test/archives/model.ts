import fc from 'fast-check'
import { base256, type TarEntry, tar } from '../support/archive.ts'

/** A member as a person would write it down. Text is latin1. */
export interface Member {
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink' | 'fifo'
  readonly path: string
  readonly target: string
  readonly body: string
  readonly mode: number
  readonly mtime: number | bigint
  /** Which of tar's ways the name and the target are told in, and which the size. */
  readonly namedBy: 'header' | 'pax'
  readonly sizedBy: 'octal' | 'base256' | 'pax'
}

export type Outcome = 'UNSAFE_ENTRY' | 'CORRUPT_ARCHIVE' | ReadonlyMap<string, string>

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')

/** The archive of the members; longer names than a header holds are told as GNU tar does. */
export function archiveOf(members: readonly Member[]): Buffer {
  return tar(members.map(entryOf))
}

function entryOf({ kind, path, target, body, mode, mtime, namedBy, sizedBy }: Member): TarEntry {
  const pax: Record<string, Buffer> = {}
  if (namedBy === 'pax') pax.path = bytesOf(path)
  if (namedBy === 'pax' && target !== '') pax.linkpath = bytesOf(target)
  if (sizedBy === 'pax') pax.size = bytesOf(`${body.length}`)
  const size = { octal: body.length, base256: base256(body.length, 12), pax: 0 }[sizedBy]
  const named = namedBy === 'header' ? { name: bytesOf(path), linkname: bytesOf(target) } : { name: 'x' }
  const hasPax = Object.keys(pax).length > 0
  return { ...named, type: kind, body: bytesOf(body), size, mode, mtime, ...(hasPax ? { pax } : {}) }
}

const GOOD = ['a', 'b', 'c', 'A', '\xff', 'a\nb', '-rf', 'n'.repeat(120), 'm'.repeat(255)]
const ODD = ['..', '.', '', '.git', '.GIT', 'git~1', '.git ', '\xef\xbb\xbf.git', 'n'.repeat(256)]

const names = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...GOOD) },
  { weight: 1, arbitrary: fc.constantFrom(...ODD) },
)
const plainPath = fc
  .tuple(fc.boolean(), fc.array(names, { minLength: 1, maxLength: 3 }))
  .map(([isInGit, parts]) => [...(isInGit ? ['.git'] : []), ...parts].join('/'))
const path = fc
  .tuple(
    fc.constantFrom('', '', './'),
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.array(names, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
      },
      plainPath,
    ),
    fc.constantFrom('', '', '', '', '', '/'),
  )
  .map((parts) => parts.join(''))

const FEW_BLOCKS = 1500
const kinds = fc.constantFrom<Member['kind']>(
  ...([
    'file',
    'file',
    'file',
    'file',
    'file',
    'directory',
    'directory',
    'symlink',
    'symlink',
    'hardlink',
  ] as const),
)

const member: fc.Arbitrary<Member> = fc
  .record({
    kind: fc.oneof({ weight: 60, arbitrary: kinds }, fc.constant<Member['kind']>('fifo')),
    path,
    target: fc.oneof(
      { weight: 2, arbitrary: path },
      fc.constantFrom('../../outside/secret', '/etc/passwd', 't'.repeat(4095)),
    ),
    body: fc.nat(FEW_BLOCKS).map((length) => 'content '.repeat(200).slice(0, length)),
    mode: fc.constantFrom(0o644, 0o755, 0, 0o7777, 0o100, 0o001),
    mtime: fc.constantFrom(0, 1_700_000_000, 2 ** 33 - 1, 2n ** 80n, -1),
    namedBy: fc.constantFrom<Member['namedBy']>('header', 'header', 'pax'),
    sizedBy: fc.constantFrom<Member['sizedBy']>('octal', 'octal', 'base256', 'pax'),
  })
  .map((made) => ({
    ...made,
    target: made.kind === 'symlink' || made.kind === 'hardlink' ? made.target : '',
    body: made.kind === 'file' && !made.path.endsWith('/') ? made.body : '',
  }))

/** Members of any kind; some hard links name a file that came before. */
export const members: fc.Arbitrary<readonly Member[]> = fc
  .array(fc.tuple(member, fc.nat()), { maxLength: 12 })
  .map((made) => {
    const all = made.map(([each]) => each)
    return made.map(([each, choice], index) => {
      const earlier = all.slice(0, index).filter(({ kind }) => kind === 'file')
      const linked = earlier[choice % Math.max(1, earlier.length)]
      return each.kind === 'hardlink' && linked !== undefined ? { ...each, target: linked.path } : each
    })
  })

/** A directory of the model; what is no directory is told as `portrait` does. */
type Directory = Map<string, Directory | string>

/**
 * What becomes of the members by the words of the specification, written apart from the code under test: a real tree
 * of directories that entries are put into one by one. The first that is refused decides.
 */
export function outcomeOf(all: readonly Member[]): Outcome {
  const root: Directory = new Map()
  const symlinks: [Directory, string, string][] = []
  for (const each of all) {
    const refused = put(root, each, symlinks)
    if (refused !== undefined) return refused
  }
  for (const [parent, name, target] of symlinks) parent.set(name, `-> ${target}`)
  return flat(root)
}

type Refusal = 'UNSAFE_ENTRY' | 'CORRUPT_ARCHIVE' | undefined

function put(root: Directory, each: Member, symlinks: [Directory, string, string][]): Refusal {
  const isNamedNothing = each.namedBy === 'pax' && each.path === ''
  if (each.kind === 'fifo' || isNamedNothing) return 'CORRUPT_ARCHIVE'
  const isDirectory = each.kind === 'directory' || (each.kind === 'file' && each.path.endsWith('/'))
  const parts = each.path
    .replace(/^\.\//, '')
    .replace(isDirectory ? /\/$/ : /$^/, '')
    .split('/')
  if (isDirectory && (each.path === './' || each.path === '.')) return undefined
  if (each.path.length > 4096 || parts.some((name, depth) => !isName(name, depth))) return 'UNSAFE_ENTRY'
  if (parts[0] === '.git' && !isDirectory && (each.kind !== 'file' || parts.length === 1))
    return 'UNSAFE_ENTRY'
  const last = parts.pop() ?? ''
  const parent = enter(root, parts)
  if (parent === undefined) return 'UNSAFE_ENTRY'
  const there = parent.get(last)
  if (there !== undefined) return isDirectory && typeof there !== 'string' ? undefined : 'UNSAFE_ENTRY'
  if (isDirectory) parent.set(last, new Map())
  else if (each.kind === 'file') parent.set(last, `${(each.mode & 0o111) === 0 ? '-' : 'x'} ${each.body}`)
  else if (each.kind === 'symlink') {
    if (each.target === '' || each.target.length > 4095) return 'UNSAFE_ENTRY'
    parent.set(last, 'a link to come')
    symlinks.push([parent, last, each.target])
  } else {
    const linked = fileAt(root, each.target)
    if (linked === undefined) return 'UNSAFE_ENTRY'
    // A second name of a file is no file of this extraction: nothing may be linked to it.
    parent.set(last, `linked ${linked}`)
  }
  return undefined
}

function isName(name: string, depth: number): boolean {
  if (name === '.git') return depth === 0
  return name.length <= 255 && !ODD.includes(name)
}

/** The directory of these names, made where it is missing; undefined where something else is in the way. */
function enter(root: Directory, names: readonly string[]): Directory | undefined {
  let at = root
  for (const name of names) {
    const next = at.get(name) ?? new Map()
    if (typeof next === 'string') return undefined
    at.set(name, next)
    at = next
  }
  return at
}

function fileAt(root: Directory, target: string): string | undefined {
  const names = target.replace(/^\.\//, '').split('/')
  if (names[0] === '.git') return undefined
  let at: Directory | string | undefined = root
  for (const name of names) at = typeof at === 'string' ? undefined : at?.get(name)
  return typeof at === 'string' && /^[x-] /.test(at) ? at : undefined
}

function flat(directory: Directory, prefix = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [name, what] of directory) {
    if (typeof what === 'string') found.set(prefix + name, what.replace(/^linked /, ''))
    else {
      found.set(`${prefix + name}/`, 'directory')
      for (const [path, inside] of flat(what, `${prefix + name}/`)) found.set(path, inside)
    }
  }
  return found
}
