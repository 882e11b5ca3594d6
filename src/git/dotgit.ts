import type { Stats } from 'node:fs'
import { lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ActionError } from '../errors.ts'
import { type ConfigSource, freshConfig } from './fresh-config.ts'
import type { ObjectFormat } from './index-file.ts'

const FILES: ReadonlySet<string> = new Set(['HEAD', 'packed-refs', 'shallow'])
const DIRECTORIES: ReadonlySet<string> = new Set(['info', 'lfs', 'objects', 'refs', 'reftable'])

/** Names that would reach a forbidden file on a disk that takes several spellings for one name. */
const FORBIDDEN = ['objects/info/alternates', 'objects/info/http-alternates', 'refs/replace']

const HEAD_LIMIT_BYTES = 4096
const BRANCH_HEAD = 'ref: refs/heads/'
const REFTABLE_HEAD = 'ref: refs/heads/.invalid'

export interface DotGit {
  readonly objectFormat: ObjectFormat
  readonly refFormat: 'files' | 'reftable'
  /** Checked-out branch, as latin1 of its raw bytes; undefined where HEAD is detached or a reftable holds it. */
  readonly branch: string | undefined
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
      return rest.every(isPlainName) && !isAlternates(inRoom) && !rest.some(isUnfinishedObject)
    case 'refs':
      return rest.every(isRefComponent) && !isReplace(rest[0])
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

function isAlternates(inObjects: string): boolean {
  return /^info\/(http-)?alternates(\/|$)/.test(inObjects)
}

function isUnfinishedObject(component: string): boolean {
  return component.startsWith('tmp_') || component.endsWith('.keep')
}

/** What `git check-ref-format` allows between two slashes. */
function isRefComponent(component: string): boolean {
  return /^[!-~\x80-\xff]+$/.test(component) && !/^\.|[~^:?*[\\]|\.\.|@\{|\.lock$/.test(component)
}

function isReplace(component: string | undefined): boolean {
  return component?.replace(/[^!-~]|\.+$/g, '').toLowerCase() === 'replace'
}

function isBranchName(name: string): boolean {
  return name.split('/').every(isRefComponent) && !name.endsWith('.')
}

/**
 * Makes the `.git` of an unpacked tree one that git may run in: checks what is there, completes it, and
 * writes its config, from the probe and the remote's URL alone. No git process may run in it before.
 */
export async function makeDotGitSafe(tree: string, source: ConfigSource): Promise<DotGit> {
  const directory = join(tree, '.git')
  const hasReftable = await checkContents(directory)
  await mkdir(join(directory, 'objects'), { recursive: true })
  await mkdir(join(directory, 'refs'), { recursive: true })
  const packedRefs = await dropPackedReplacements(directory)
  const head = await readHead(directory, hasReftable)
  const objectFormat = await detectObjectFormat(directory, head, packedRefs)
  const dotGit: DotGit = { objectFormat, refFormat: head.refFormat, branch: head.branch }
  await writeFile(join(directory, 'config'), freshConfig(dotGit, source), { encoding: 'latin1', flag: 'wx' })
  return dotGit
}

/** Every name must be on the list and be what the list says; whether a reftable is there. */
async function checkContents(directory: string): Promise<boolean> {
  const root = await statOf(directory)
  if (root === undefined) throw unsafe('there is none', 'is this a snapshot of a clone?')
  if (!root.isDirectory()) throw unsafe('it is not a directory')
  for (const { name, isFile, isDirectory } of await namesIn(directory)) {
    const asListed = (isFile && FILES.has(name)) || (isDirectory && DIRECTORIES.has(name))
    if (!asListed) throw unsafe(`${JSON.stringify(name)} may not be there, or not as what it is`)
  }
  for (const { name, isFile } of await namesIn(join(directory, 'info'))) {
    const listed = isFile && staysInDotGit(`info/${name}`)
    if (!listed) throw unsafe(`info/${JSON.stringify(name)} may not be there`)
  }
  for (const name of FORBIDDEN) {
    if ((await statOf(join(directory, name))) !== undefined) throw unsafe(`${name} may not be there`)
  }
  return (await statOf(join(directory, 'reftable'))) !== undefined
}

async function namesIn(directory: string) {
  try {
    const entries = await readdir(directory, { encoding: 'latin1', withFileTypes: true })
    return entries.map((entry) => ({
      name: entry.name,
      isFile: entry.isFile(),
      isDirectory: entry.isDirectory(),
    }))
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** Takes refs/replace out of packed-refs, with the peeled line that may follow; the rest as text. */
async function dropPackedReplacements(directory: string): Promise<string> {
  const path = join(directory, 'packed-refs')
  const text = (await textOf(path)) ?? ''
  const kept = text.replace(/^[0-9a-f]+[ \t\r]refs\/replace\/[^\n]*\n?(\^[^\n]*\n?)?/gim, '')
  if (kept !== text) await writeFile(path, kept, 'latin1')
  return kept
}

export interface Head {
  readonly refFormat: 'files' | 'reftable'
  readonly branch: string | undefined
  readonly id: string | undefined
}

/** What HEAD of a git directory stands for; UNSAFE_GIT where it is nothing that `git clone` makes. */
export async function readHead(directory: string, hasReftable: boolean): Promise<Head> {
  const path = join(directory, 'HEAD')
  const size = (await statOf(path))?.size
  if (size === undefined) throw unsafe('it has no HEAD', 'is this a snapshot of a clone?')
  if (size > HEAD_LIMIT_BYTES) throw unsafe(`its HEAD has ${size} bytes, which is no reference`)
  const text = (await readFile(path, 'latin1')).replace(/\n$/, '')
  if (hasReftable && text === REFTABLE_HEAD) {
    return { refFormat: 'reftable', branch: undefined, id: undefined }
  }
  if (idIn(text) === text) return { refFormat: 'files', branch: undefined, id: text }
  const branch = text.startsWith(BRANCH_HEAD) ? text.slice(BRANCH_HEAD.length) : ''
  if (!isBranchName(branch)) {
    throw unsafe(`its HEAD is ${JSON.stringify(text.slice(0, 80))}, neither branch nor commit`)
  }
  return { refFormat: 'files', branch, id: undefined }
}

/** Told by the length of an id, or by the first table's header; SHA-1 where nothing tells. */
async function detectObjectFormat(directory: string, head: Head, packedRefs: string): Promise<ObjectFormat> {
  if (head.refFormat === 'reftable') return reftableObjectFormat(join(directory, 'reftable'))
  const branchId = head.branch && idIn((await textOf(looseRef(directory, head.branch))) ?? '')
  const id = head.id ?? (branchId || /^[0-9a-f]{40,64}(?= )/im.exec(packedRefs)?.[0])
  return id?.length === 64 ? 'sha256' : 'sha1'
}

/** Version 1 tables are SHA-1; version 2 names its hash in bytes 24 to 28. */
async function reftableObjectFormat(directory: string): Promise<ObjectFormat> {
  const table = (await namesIn(directory)).find(({ name, isFile }) => isFile && name.endsWith('.ref'))
  const header = table === undefined ? '' : ((await textOf(join(directory, table.name))) ?? '')
  return header.startsWith('REFT\x02') && header.slice(24, 28) === 's256' ? 'sha256' : 'sha1'
}

function idIn(text: string): string | undefined {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})(?=\s|$)/i.exec(text)?.[0]
}

/** The branch's bytes as they are: it need not be UTF-8. */
function looseRef(directory: string, branch: string): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/refs/heads/`), Buffer.from(branch, 'latin1')])
}

async function textOf(path: string | Buffer): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR'
}

function unsafe(reason: string, advice = 'do not use this snapshot'): ActionError {
  return new ActionError('UNSAFE_GIT', `The snapshot's .git was refused: ${reason}; ${advice}`)
}
