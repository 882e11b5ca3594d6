import { createHash, type Hash } from 'node:crypto'
import { ActionError } from '../errors.ts'
import type { Git } from './git.ts'
import { GITLINK_MODE, type ObjectFormat } from './index-entries.ts'
import { LISTING_LIMIT_BYTES } from './index-listing.ts'

export interface ProofOptions {
  readonly git: Git
  readonly commit: string
  readonly objectFormat: ObjectFormat
}

/** A graph that came with the snapshot could name another tree than the commit does. */
const NO_GRAPH = { 'core.commitGraph': 'false' }

/**
 * Proves that a commit that came with a snapshot is what its name says: git does not look at the names of objects
 * when it reads them. The commit and its trees are hashed anew (60 ms for 47,000 files in 1,000 directories). UNSAFE_GIT
 * where one is another.
 */
export async function proveCommit({ git, commit, objectFormat }: ProofOptions): Promise<void> {
  const options = ['--objects', '--no-walk', '--filter=blob:none', '--no-object-names']
  const trees = await git.run(['rev-list', ...options, commit], {
    config: NO_GRAPH,
    outputLimitBytes: LISTING_LIMIT_BYTES,
  })
  await proveObjects(git, trees.split('\n'), objectFormat)
}

/**
 * Proves the blobs of a proven commit that its checkout may write: of all files that are not in the `index` as the commit
 * has them or, asked of `files`, that are not in the tree as the index knows them either. Gives the paths of these files,
 * quoted where git quotes them.
 */
export async function proveBlobs(
  { git, commit, objectFormat }: ProofOptions,
  aside: 'index' | 'files',
): Promise<readonly string[]> {
  const cached = aside === 'index' ? ['--cached'] : []
  const diff = await git.run(
    [
      'diff-index',
      ...cached,
      '-r',
      '--no-renames',
      '--raw',
      '--abbrev=64',
      '--ignore-submodules=all',
      commit,
      '--',
    ],
    { config: NO_GRAPH, outputLimitBytes: LISTING_LIMIT_BYTES },
  )
  const lines = [...diff.matchAll(/^:(?<mode>\d+) \d+ (?<id>[0-9a-f]+) [^\t]*\t(?<path>.*)$/gm)]
  const files = lines.filter(({ groups }) => !HAS_NO_BLOB.has(groups?.mode ?? ''))
  await proveObjects(git, [...new Set(files.map(({ groups }) => groups?.id ?? ''))], objectFormat)
  return lines.map(({ groups }) => groups?.path ?? '')
}

/** Of a path that the commit lacks, and of a submodule. */
const HAS_NO_BLOB: ReadonlySet<string> = new Set(['000000', GITLINK_MODE.toString(8)])

/** Proves that objects are what their names say. UNSAFE_GIT where one is another, or is not there. */
export async function proveObjects(git: Git, names: readonly string[], format: ObjectFormat): Promise<void> {
  const wanted = names.filter((name) => name !== '')
  if (wanted.length === 0) return
  const proof = new Proof(format)
  const input = Buffer.from(`${wanted.join('\n')}\n`)
  await git.run(['cat-file', '--batch'], { input, onOutput: (bytes) => proof.push(bytes) })
  proof.end(wanted.length)
}

/** Reads what `cat-file --batch` prints, in pieces of any size: a line of name, type and size, content, a line end. */
class Proof {
  readonly #format: ObjectFormat
  #head = ''
  #name = ''
  #hash: Hash | undefined
  #left = 0
  #proven = 0
  #forged: string | undefined

  constructor(format: ObjectFormat) {
    this.#format = format
  }

  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      at = this.#hash === undefined ? this.#readHead(bytes, at) : this.#readContent(bytes, at, this.#hash)
    }
  }

  /** Throws unless so many objects came, and each was what its name says. */
  end(count: number): void {
    if (this.#forged === undefined && this.#proven === count) return
    const what = this.#forged ?? 'one'
    const message = `The snapshot is refused: the git object ${what} is missing or is not what its name says`
    throw new ActionError('UNSAFE_GIT', `${message}; have the server make the snapshot anew`)
  }

  #readHead(bytes: Buffer, from: number): number {
    const end = bytes.indexOf(LINE_END, from)
    this.#head += bytes.toString('latin1', from, end === -1 ? bytes.length : end)
    if (end === -1) return bytes.length
    const [name = '', type, size] = this.#head.split(' ')
    this.#head = ''
    this.#name = name
    // A missing object has no size, and no content.
    if (size === undefined) this.#forged ??= name
    else {
      this.#hash = createHash(this.#format).update(`${type} ${size}\0`)
      this.#left = Number(size)
    }
    return end + 1
  }

  #readContent(bytes: Buffer, from: number, hash: Hash): number {
    const end = Math.min(bytes.length, from + this.#left)
    hash.update(bytes.subarray(from, end))
    this.#left -= end - from
    if (end === bytes.length) return end
    if (hash.digest('hex') === this.#name) this.#proven += 1
    else this.#forged ??= this.#name
    this.#hash = undefined
    return end + 1
  }
}

const LINE_END = 0x0a
