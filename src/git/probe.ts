import { together } from '../together.ts'
import { type Cone, coneOf } from './cone.ts'
import { type FileForm, fileFormIn } from './file-form.ts'
import { configIn, inScratchRepository } from './fresh-config.ts'
import type { GitContext } from './git.ts'
import { readSparse, type Sparse, type SparseFiles, setSparse } from './sparse.ts'

/** What git does on this machine, as far as a clone that is to come depends on it. */
export interface Probed {
  /** The config of such a clone, but for what is its own. */
  readonly config: string
  readonly fileForm: FileForm
  /** The patterns that the clone is to have. */
  readonly sparse: SparseFiles | undefined
  /** What they leave in a tree, where that can be told by directories. */
  readonly cone: Cone | undefined
}

/** A clone that is to come. */
export interface Expected {
  /** As for freshConfig: settings can depend on it (`includeIf "hasconfig:remote.*.url:…"`). */
  readonly remoteUrl: string
  readonly sparse: Sparse | undefined
}

/**
 * Asks git itself, by a repository in `directory`, which must not exist and lies beside the tree, and is removed. What
 * git says against sparse patterns is an error before anything else is done.
 */
export function probeGit(
  directory: string,
  context: GitContext,
  { remoteUrl, sparse: wanted }: Expected,
): Promise<Probed> {
  return inScratchRepository(directory, context, async (git, gitDirectory) => {
    // Not in the config, whose text is taken over.
    const options = { config: { 'remote.origin.url': remoteUrl } }
    const setting = wanted === undefined ? undefined : setSparse(git, gitDirectory, wanted, options)
    const [fileForm] = await together(fileFormIn(git, context.env, options), Promise.resolve(setting))
    const sparse = wanted === undefined ? undefined : await readSparse(gitDirectory)
    const cone = sparse === undefined ? undefined : coneOf(sparse.patterns)
    return { config: await configIn(gitDirectory), fileForm, sparse, cone }
  })
}
