import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ActionError } from '../errors.ts'
import { onDisk, toLatin1 } from '../on-disk.ts'
import { HASH_BYTES, type ObjectFormat } from './index-entries.ts'
import { entriesIn, lstatOf, textOf } from './presence.ts'
import { isCommitName, isRefPath, isReplace } from './ref-name.ts'

/** Names of objects, by refs in full: these are latin1 of their bytes. */
export type PlainRefs = ReadonlyMap<string, string>

/** More than a million refs. */
const PACKED_LIMIT_BYTES = 128 * 1024 * 1024
/** A SHA-256 name and a line end. */
const LOOSE_LIMIT_BYTES = 65
/** What is under way in one worktree. */
const OF_WORKTREE: ReadonlySet<string> = new Set(['bisect', 'rewritten', 'worktree'])

/**
 * The refs of a git directory that keeps them in files. Left out is all that is not simply the name of an object: a ref
 * that stands for another, through which git would write, one that is broken, at which its next fetch would fail, a
 * replacement, and what is said of where a tag leads.
 */
export async function readPlainRefs(directory: string): Promise<PlainRefs> {
  const refs = new Map<string, string>()
  const take = (name: string, object: string): void => {
    if (isPlainName(name) && isCommitName(object) && !/^0+$/.test(object))
      refs.set(name, object.toLowerCase())
  }
  for (const line of (await packedRefs(directory)).split('\n')) {
    const [object = '', name = ''] = line.split(' ')
    take(name, object)
  }
  for await (const [name, text] of looseRefs(toLatin1(directory), 'refs')) take(name, text.replace(/\n$/, ''))
  return refs
}

/**
 * Makes these the only refs of a git directory that keeps them in files, as far as they are of its format. Cut short, it
 * has lost none of them.
 */
export async function writePlainRefs(
  directory: string,
  refs: PlainRefs,
  format: ObjectFormat,
): Promise<void> {
  const file = join(directory, 'packed-refs')
  await writeFile(`${file}.new`, packed(refs, format), { encoding: 'latin1', flag: 'wx' })
  await rename(`${file}.new`, file)
  const place = toLatin1(directory)
  for (const { name } of await entriesIn(onDisk(place, 'refs'), 'latin1')) {
    await rm(onDisk(place, `refs/${name}`), { recursive: true })
  }
  for (const kind of ['heads', 'tags']) await mkdir(join(directory, 'refs', kind), { recursive: true })
}

/** By the bytes of their names, as git does: it would sort them itself each time that it reads them. */
function packed(refs: PlainRefs, format: ObjectFormat): string {
  const lines = [...refs]
    .filter(([, object]) => object.length === 2 * HASH_BYTES[format])
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, object]) => `${object} ${name}\n`)
  return `# pack-refs with: sorted \n${lines.join('')}`
}

function isPlainName(name: string): boolean {
  const [root, kind = ''] = name.split('/', 2)
  return root === 'refs' && isRefPath(name) && !isReplace(kind) && !OF_WORKTREE.has(kind)
}

async function packedRefs(directory: string): Promise<string> {
  const file = join(directory, 'packed-refs')
  const size = (await lstatOf(file))?.size ?? 0
  if (size <= PACKED_LIMIT_BYTES) return (await textOf(file)) ?? ''
  const message = `The snapshot's .git was refused: its packed-refs has ${size} bytes; do not use this snapshot`
  throw new ActionError('UNSAFE_GIT', message)
}

/** Each with what it holds, below this directory of a git directory; both latin1. */
async function* looseRefs(
  gitDirectory: string,
  directory: string,
): AsyncGenerator<readonly [string, string], void, undefined> {
  for (const entry of await entriesIn(onDisk(gitDirectory, directory), 'latin1')) {
    const name = `${directory}/${entry.name}`
    if (entry.isDirectory()) yield* looseRefs(gitDirectory, name)
    if (!entry.isFile()) continue
    const file = onDisk(gitDirectory, name)
    const size = (await lstatOf(file))?.size ?? 0
    if (size <= LOOSE_LIMIT_BYTES) yield [name, (await textOf(file)) ?? '']
  }
}
