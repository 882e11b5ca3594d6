import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ByteStream } from '../../src/byte-stream.ts'
import { staysInDotGit } from '../../src/git/dotgit.ts'
import { type Tree, TreeBuilder, type TreeOptions } from '../../src/unpack/tree.ts'
import { unpack } from '../../src/unpack/unpack.ts'
import { temporary } from '../support/temporary.ts'
import { AMPLE_LIMITS } from '../support/tree-limits.ts'
import { type Listing, listing } from '../unpack/fixture.ts'
import type { Contents } from './cases.ts'

/** A tree to be built, with something beside it that nothing may touch. */
export interface Place {
  /** Holds all the others. */
  readonly directory: string
  readonly tree: string
  readonly outside: string
}

export function makePlace(): Place {
  const directory = temporary()
  const [tree, outside] = [join(directory, 'tree'), join(directory, 'outside')]
  for (const name of [tree, outside, join(directory, 'tree-evil')]) mkdirSync(name, { mode: 0o700 })
  writeFileSync(join(outside, 'secret'), 'secret', { mode: 0o600 })
  return { directory, tree, outside }
}

/** Everything that is not of the tree. */
export function elsewhere({ directory }: Place): Listing {
  return new Map([...listing(directory)].filter(([path]) => path === 'tree/' || !path.startsWith('tree/')))
}

export const MTIME = 1_600_000_000

export interface UnpackingOptions extends Partial<TreeOptions> {
  readonly commit?: string
}

/** Unpacks as the step does, by one writer; when it ends, no thread of it is left. */
export async function unpackInto(
  { tree: root }: Place,
  stream: ByteStream,
  { commit, ...options }: UnpackingOptions = {},
): Promise<Tree> {
  const defaults = { root, writers: 1, limits: AMPLE_LIMITS, staysInDotGit, mtime: MTIME }
  const tree = new TreeBuilder({ ...defaults, ...options })
  try {
    return await unpack(stream, tree, { decoders: 2, commit })
  } finally {
    await tree.close()
  }
}

/** What `listing` gives of a tree with these contents, made under this process's umask. */
export function expectedListing(contents: Contents, { outside }: Place): Record<string, string> {
  const octal = (mode: number): string => (mode & ~process.umask()).toString(8)
  return Object.fromEntries(
    Object.entries(contents).map(([path, what]) => {
      if (typeof what === 'string') return [path, `${octal(0o666)} ${what}`]
      if (what.kind === 'executable') return [path, `${octal(0o777)} ${what.content}`]
      if (what.kind === 'directory') return [path, octal(0o777)]
      return [path, `-> ${what.target === 'OUTSIDE' ? outside : what.target}`]
    }),
  )
}
