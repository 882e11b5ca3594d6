import { onTestFinished } from 'vitest'
import { staysInDotGit } from '../../src/git/dotgit.ts'
import { EVERYTHING, type Selection } from '../../src/unpack/selection.ts'
import { type Tree, TreeBuilder, type TreeOptions } from '../../src/unpack/tree.ts'
import { type TarEntry, tar } from '../support/archive.ts'
import { temporary } from '../support/temporary.ts'
import { AMPLE_LIMITS } from '../support/tree-limits.ts'
import { pieces } from './fixture.ts'

export const MTIME = 1_600_000_000

export interface Options extends Partial<TreeOptions> {
  readonly hash?: TreeBuilder['hash']
  readonly selection?: Selection
}

export function treeBuilder(given: Options = {}): TreeBuilder {
  const { hash = 'sha1', selection = EVERYTHING, ...options } = given
  const defaults = { writers: 2, limits: AMPLE_LIMITS, staysInDotGit, mtime: MTIME }
  const tree = new TreeBuilder({ root: temporary(), ...defaults, ...options })
  onTestFinished(() => tree.close())
  tree.hash = hash
  tree.selection = selection
  return tree
}

/** Builds a tree of an archive in pieces, each of which is overwritten once it is taken. */
export async function build(archive: Buffer, cuts: readonly number[], options: Options): Promise<Tree> {
  const tree = treeBuilder(options)
  try {
    for (const piece of pieces(archive, cuts)) {
      const own = Buffer.concat([piece])
      await tree.write(own)
      own.fill(0xa5)
    }
    return await tree.finish()
  } finally {
    await tree.close()
  }
}

export const failureOf = (entries: readonly TarEntry[], options: Options): Promise<unknown> =>
  build(tar(entries), [], options).then(
    () => undefined,
    (error: unknown) => error,
  )
