import { join } from 'node:path'
import { commitsBehind } from '../git/behind.ts'
import type { FreshenedBy } from '../git/freshen.ts'
import { type Git, gitIn } from '../git/git.ts'
import { fillIndex } from '../git/index-file.ts'
import type { Probed } from '../git/probe.ts'
import { proveBlobs, proveCommit } from '../git/proof.ts'
import { refsOf } from '../git/refs.ts'
import { makeFirstIndex, makeIndex, type Settled, settle } from '../git/settle.ts'
import type { Target } from '../git/wanted.ts'
import type { Context, Job } from '../job.ts'
import { wait } from '../source/patience.ts'
import { together } from '../together.ts'
import type { Tree } from '../unpack/tree.ts'
import { arrive, type Place } from './arrival.ts'
import { freshenClone } from './freshening.ts'
import type { Shortcuts } from './shortcuts.ts'
import { STAGE_WORDS } from './stage-words.ts'

export interface SnapshotCloneOptions {
  readonly job: Job
  readonly target: Target
  /** Absolute path of the tree that is being unpacked. */
  readonly tree: string
  /** Of the snapshot, where its server told. */
  readonly announcedCommit: string | undefined
  readonly probed: Probed
  readonly shortcuts: Shortcuts
}

/** What comes from elsewhere than the snapshot. */
type Bringers = Pick<Place, 'bringLfsObjects' | 'bringSubmodules'>

interface Finished extends Settled {
  readonly freshenedBy: FreshenedBy
  /** Commits that were brought; undefined where nobody counted them. */
  readonly behind: number | undefined
}

interface Freshened {
  readonly by: FreshenedBy
  /** Whether what the snapshot's commit says of how files are written still holds. */
  readonly attributes: 'same' | 'changed'
}

/** What git does with `.git` alone. */
interface GitWork {
  readonly settled: Promise<Settled>
  readonly indexed: Promise<void>
  readonly freshened: Promise<Freshened>
  readonly behind: Promise<number | undefined>
}

/** A count takes about 5 ms, beside the check-out; where it walks through a large history nobody waits for it. */
const COUNT_GRACE_MS = 100

/**
 * Git's part of a restore. What needs no files, from a safe `.git` to one that has the wanted commit, can begin while
 * files are still being written, and the index is made beside it. Stop it, or git may go on.
 */
export class SnapshotClone {
  readonly #options: SnapshotCloneOptions
  readonly #stopped = new AbortController()
  readonly #context: Context
  readonly #git: Git
  #work: GitWork | undefined

  constructor(options: SnapshotCloneOptions) {
    const { context } = options.job
    this.#options = options
    this.#context = { ...context, signal: AbortSignal.any([context.signal, this.#stopped.signal]) }
    this.#git = gitIn(options.tree, this.#context)
  }

  /** To be called when `.git` is on disk; nothing begins once this is stopped. `finish` tells what comes of it. */
  begin(): void {
    if (!this.#stopped.signal.aborted) this.#begin()
  }

  /** From unpacked files to a working copy of the wanted commit. */
  async finish(unpacked: Tree, bringers: Bringers): Promise<Finished> {
    const { job, target, tree, probed } = this.#options
    const { settled, indexed, freshened, behind } = this.#begin()
    const snapshot = await settled
    const { objectFormat } = snapshot
    const { cone } = probed
    const isLeftOut = cone && ((path: string) => !cone.hasFile(path))
    const fill = () => fillIndex(join(tree, '.git'), unpacked.recordOf, objectFormat, isLeftOut)
    const filled = indexed.then(() => job.timeline.measure('index', fill, STAGE_WORDS.indexed))
    const [index, { by: freshenedBy, attributes }] = await together(filled, freshened)
    // A file that holds just what its blob does may be one that is to be written in another way now.
    if (attributes === 'changed') await makeIndex(this.#git, target.commit)
    // Files that are all proven by the index leave no room for others.
    const isProven = index.filled + index.leftOut === index.entries && index.filled === unpacked.workFiles
    const isExact = isProven && attributes === 'same'
    const untracked = isExact ? 'keep' : 'remove'
    const patterns = cone === undefined ? 'written' : 'set'
    const place = { tree, clone: 'new', patterns, untracked, isPartial: false } as const
    await arrive(job, target, { ...place, ...bringers })
    return { ...snapshot, freshenedBy, behind: await inTime(behind) }
  }

  /** Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    if (this.#work !== undefined) await allEnded(this.#work)
  }

  /** Begins once. */
  #begin(): GitWork {
    this.#work ??= this.#start()
    return this.#work
  }

  #start(): GitWork {
    const { job, tree, announcedCommit, probed } = this.#options
    const source = { probedConfig: probed.config, sparse: probed.sparse, remoteUrl: job.origin.url }
    const end = job.timeline.begin('git')
    const settled = settle({ ...this.#context, ...source, tree, expectedCommit: announcedCommit })
    const indexed = settled.then(({ commit }) => makeFirstIndex(this.#git, commit))
    const freshened = settled.then((snapshot) => this.#freshen(snapshot, indexed))
    const behind = together(settled, freshened).then(([snapshot, by]) => this.#countBehind(snapshot, by))
    const work = { settled, indexed, freshened, behind }
    Promise.allSettled([settled, indexed]).then(() => end())
    // Nobody may be listening yet when one of them fails.
    allEnded(work)
    return work
  }

  async #countBehind({ commit: base }: Settled, { by }: Freshened): Promise<number | undefined> {
    if (by === 'none') return 0
    const { tree, target } = this.#options
    return commitsBehind({ ...this.#context, tree, base, commit: target.commit })
  }

  async #freshen(snapshot: Settled, indexed: Promise<void>): Promise<Freshened> {
    const { job, target, tree, shortcuts } = this.#options
    const { commit } = target
    shortcuts.begin(snapshot.commit)
    const { bundle, server } = shortcuts
    const refs = snapshot.refs && refsOf(snapshot.refs, snapshot.branch)
    const clone = { tree, clone: 'new', head: snapshot.commit, refs, target, bundle, server } as const
    const by = await freshenClone(job, clone, this.#context.signal)
    const proof = { git: this.#git, commit, objectFormat: snapshot.objectFormat }
    await proveCommit(proof)
    await indexed
    // Of a commit that is proven, the index has what it should.
    const changed = commit === snapshot.commit ? [] : await proveBlobs(proof, 'index')
    return { by, attributes: changed.some(isOfAttributes) ? 'changed' : 'same' }
  }
}

/** Of a path as git shows it. */
function isOfAttributes(path: string): boolean {
  return /(^|\/)\.gitattributes"?$/.test(path)
}

/** Undefined for a count that is not there soon. */
async function inTime(count: Promise<number | undefined>): Promise<number | undefined> {
  const counted = new AbortController()
  const late = wait(COUNT_GRACE_MS, counted.signal).then(() => undefined)
  try {
    return await Promise.race([count, late])
  } finally {
    counted.abort()
  }
}

function allEnded(work: GitWork): Promise<unknown> {
  return Promise.allSettled(Object.values(work))
}
