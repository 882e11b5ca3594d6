import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ActionError } from '../errors.ts'
import { type ConfigSource, freshConfig } from './fresh-config.ts'
import type { ObjectFormat } from './index-entries.ts'
import { objectFormatOf } from './object-format.ts'
import { type PlainRefs, readPlainRefs, writePlainRefs } from './plain-refs.ts'
import { entriesIn, lstatOf } from './presence.ts'
import { BRANCHES, isCommitName, isRefComponent, isRefPath, isReplace } from './ref-name.ts'
import { writeSparse } from './sparse.ts'

const FILES: ReadonlySet<string> = new Set(['HEAD', 'packed-refs', 'shallow'])
const DIRECTORIES: ReadonlySet<string> = new Set(['info', 'lfs', 'objects', 'refs', 'reftable'])

/** Names that would reach a forbidden file on a disk that takes several spellings for one name. */
const FORBIDDEN = ['objects/info/alternates', 'objects/info/http-alternates', 'refs/replace']

const HEAD_LIMIT_BYTES = 4096
const BRANCH_HEAD = `ref: ${BRANCHES}`
const REFTABLE_HEAD = `${BRANCH_HEAD}.invalid`

export interface DotGit {
  readonly objectFormat: ObjectFormat
  readonly refFormat: 'files' | 'reftable'
  /** Checked-out branch, as latin1 of its raw bytes; undefined where HEAD is detached or a reftable holds it. */
  readonly branch: string | undefined
  /** Undefined where a reftable holds them. */
  readonly refs: PlainRefs | undefined
}

/**
 * Whether an archive's file or directory may be written below `.git`. `name` is relative to `.git`, its raw
 * bytes as latin1; a directory's may end in one slash. What may not stay is what can run a command, lead git
 * elsewhere, hide a change, or is left over from a process that is gone.
 */
export function staysInDotGit(name: string): boolean {
  if (FILES.has(name)) return true
  const [room = '', ...rest] = (name.endsWith('/') ? name.slice(0, -1) : name).split('/')
  const inRoom = rest.join('/')
  switch (room) {
    case 'info':
      return rest.length === 0 || name === 'info/exclude' || name === 'info/refs'
    case 'objects':
      return rest.every(isPlainName) && !isLeading(inRoom) && !rest.some(isUnfinishedObject)
    case 'refs':
      return rest.every(isRefComponent) && !isReplace(rest[0] ?? '')
    case 'reftable':
      return rest.every(isPlainName)
    case 'lfs':
      return rest.every(isPlainName) && !/^(tmp|hooks|config)(\/|$)/.test(inRoom)
    default:
      return false
  }
}

/** Git names objects, packs, tables and LFS files in lower case: no other spelling of a name gets through. */
function isPlainName(component: string): boolean {
  return /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(component) && !component.endsWith('.lock')
}

/**
 * Other places for objects, an index of all packs with its companions, which chooses between copies of an object, and
 * a graph, which git believes where a commit says something else.
 */
function isLeading(inObjects: string): boolean {
  return /^(info\/((http-)?alternates(\/|$)|commit-graph)|pack\/multi-pack-index)/.test(inObjects)
}

function isUnfinishedObject(component: string): boolean {
  return component.startsWith('tmp_') || component.endsWith('.keep')
}

/**
 * Makes the `.git` of an unpacked tree one that git may run in: checks what is there, completes it, and
 * writes its config, from the probe and the remote's URL alone. No git process may run in it before.
 */
export async function makeDotGitSafe(tree: string, source: ConfigSource): Promise<DotGit> {
  const directory = join(tree, '.git')
  const hasReftable = await checkContents(directory)
  await mkdir(join(directory, 'objects'), { recursive: true })
  const head = await readHead(directory, hasReftable)
  const refs = head.refFormat === 'files' ? await readPlainRefs(directory) : undefined
  const objectFormat = await objectFormatOf(directory, head, refs)
  if (refs !== undefined) await writePlainRefs(directory, refs, objectFormat)
  const dotGit: DotGit = { objectFormat, refFormat: head.refFormat, branch: head.branch, refs }
  await writeFile(join(directory, 'config'), freshConfig(dotGit, source), { encoding: 'latin1', flag: 'wx' })
  if (source.sparse !== undefined) await writeSparse(directory, source.sparse)
  // With none in it: a job may put its own there.
  await mkdir(join(directory, 'hooks'))
  return dotGit
}

/** Every name must be on the list and be what the list says; whether a reftable is there. */
async function checkContents(directory: string): Promise<boolean> {
  const root = await lstatOf(directory)
  if (root === undefined) throw unsafe('there is none', 'is this a snapshot of a clone?')
  if (!root.isDirectory()) throw unsafe('it is not a directory')
  for (const entry of await entriesIn(directory, 'latin1')) {
    const { name } = entry
    const asListed = (entry.isFile() && FILES.has(name)) || (entry.isDirectory() && DIRECTORIES.has(name))
    if (!asListed) throw unsafe(`${JSON.stringify(name)} may not be there, or not as what it is`)
  }
  for (const entry of await entriesIn(join(directory, 'info'), 'latin1')) {
    const listed = entry.isFile() && staysInDotGit(`info/${entry.name}`)
    if (!listed) throw unsafe(`info/${JSON.stringify(entry.name)} may not be there`)
  }
  for (const name of FORBIDDEN) {
    if ((await lstatOf(join(directory, name))) !== undefined) throw unsafe(`${name} may not be there`)
  }
  return (await lstatOf(join(directory, 'reftable'))) !== undefined
}

export interface Head {
  readonly refFormat: 'files' | 'reftable'
  readonly branch: string | undefined
  readonly id: string | undefined
}

/** What HEAD of a git directory stands for; UNSAFE_GIT where it is nothing that `git clone` makes. */
export async function readHead(directory: string, hasReftable: boolean): Promise<Head> {
  const path = join(directory, 'HEAD')
  const size = (await lstatOf(path))?.size
  if (size === undefined) throw unsafe('it has no HEAD', 'is this a snapshot of a clone?')
  if (size > HEAD_LIMIT_BYTES) throw unsafe(`its HEAD has ${size} bytes, which is no reference`)
  const text = (await readFile(path, 'latin1')).replace(/\n$/, '')
  if (hasReftable && text === REFTABLE_HEAD) {
    return { refFormat: 'reftable', branch: undefined, id: undefined }
  }
  if (isCommitName(text)) return { refFormat: 'files', branch: undefined, id: text }
  const branch = text.startsWith(BRANCH_HEAD) ? text.slice(BRANCH_HEAD.length) : ''
  if (!isRefPath(branch)) {
    throw unsafe(`its HEAD is ${JSON.stringify(text.slice(0, 80))}, neither branch nor commit`)
  }
  return { refFormat: 'files', branch, id: undefined }
}

function unsafe(reason: string, advice = 'do not use this snapshot'): ActionError {
  return new ActionError('UNSAFE_GIT', `The snapshot's .git was refused: ${reason}; ${advice}`)
}
