import { randomUUID } from 'node:crypto'
import { existsSync, type PathLike, type RmOptions } from 'node:fs'
import { mkdir, readdir, realpath, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { ActionError, describeError } from '../errors.ts'

export interface StagingOptions {
  /** The runner's temporary directory. */
  readonly temp: string
  /**
   * Told before a directory is made, so that a later step can remove what this one could not; told '' while it
   * holds what is nowhere else: entries that the swap has not finished to move, or could not put back.
   */
  readonly onStaging: (root: string) => void
}

const REMOVE: RmOptions = { recursive: true, force: true, maxRetries: 3 }

/**
 * A fresh directory in which the tree grows, on the destination's file system and inside nothing else's. Until
 * `swap` the destination is as it was.
 */
export class Staging {
  /** All of it; only the owner gets in. */
  readonly root: string
  readonly #destination: string
  readonly #onStaging: StagingOptions['onStaging']
  #isPrecious = false

  private constructor(root: string, destination: string, { onStaging }: StagingOptions) {
    this.root = root
    this.#destination = destination
    this.#onStaging = onStaging
  }

  /**
   * Lies in the first of the temporary directory, the directory above the destination and the destination itself
   * from which a directory can be renamed into the destination: bind mounts refuse that, even of one device. The
   * destination is absolute, free of symlinks, and need not exist, nor its parents.
   */
  static async create(destination: string, options: StagingOptions): Promise<Staging> {
    const { onStaging } = options
    const temp = await realpath(options.temp).catch(() => options.temp)
    const existing = existingAncestor(destination)
    const above = existingAncestor(dirname(destination))
    const outside = temp.startsWith(destination + sep) ? [] : [temp]
    const candidates = [...outside, above, destination].filter((place) => existsSync(place))
    const failures: unknown[] = []
    for (const candidate of candidates) {
      const root = join(candidate, `.git-snapshot-${randomUUID()}`)
      onStaging(root)
      try {
        await mkdir(root, { mode: 0o700 })
        await probe(root, existing)
        return new Staging(root, destination, options)
      } catch (error) {
        await removeStaging(root)
        failures.push(error)
      }
    }
    const message = `no directory from which a tree can be moved into ${destination}`
    throw new ActionError('WRITE_FAILED', message, { cause: new AggregateError(failures) })
  }

  /** Where the tree grows. */
  get tree(): string {
    return join(this.root, 'tree')
  }

  /** A path on the same file system for whoever needs one. */
  get scratch(): string {
    return join(this.root, 'scratch')
  }

  /**
   * Publishes the tree: the destination's entries are renamed aside, the tree's renamed in. All of them or none:
   * on failure what was renamed is renamed back. The old entries stay in staging until it is removed.
   */
  async swap(): Promise<void> {
    const old = join(this.root, 'old')
    const done: [from: PathLike, to: PathLike][] = []
    const move = async (from: string, to: string): Promise<void> => {
      for (const name of await readdir(Buffer.from(from), { encoding: 'buffer' })) {
        if (from === this.#destination && this.root === join(from, name.toString())) continue
        const names: [Buffer, Buffer] = [below(from, name), below(to, name)]
        await rename(...names)
        done.push(names)
      }
    }
    try {
      await mkdir(old)
      await mkdir(this.#destination, { recursive: true })
      this.#onStaging('')
      await move(this.#destination, old)
      await move(this.tree, this.#destination)
      this.#onStaging(this.root)
    } catch (error) {
      const failures: unknown[] = [error]
      for (const [from, to] of done.reverse()) await rename(to, from).catch((again) => failures.push(again))
      this.#isPrecious = failures.length > 1
      if (!this.#isPrecious) this.#onStaging(this.root)
      const what = this.#isPrecious ? `some of what was there is kept in ${old}` : 'it is as it was'
      const message = `the tree could not be moved into ${this.#destination}; ${what}`
      throw new ActionError('WRITE_FAILED', message, {
        cause: new Error(failures.map(describeError).join(', ')),
      })
    }
  }

  /** After the swap: keeps the old entries for a later removal, unless there are none or the job would see them. */
  async leave(): Promise<void> {
    const isSeen = this.root.startsWith(this.#destination + sep)
    if (isSeen || (await readdir(join(this.root, 'old'))).length === 0) await removeStaging(this.root)
  }

  /** Removes everything, unless it holds what a failed swap could not put back. */
  async remove(): Promise<void> {
    if (!this.#isPrecious) await removeStaging(this.root)
  }
}

/** Removes all that a staging directory holds; its path came from `onStaging`. */
export function removeStaging(root: string): Promise<void> {
  return rm(root, REMOVE)
}

function existingAncestor(path: string): string {
  return existsSync(path) ? path : existingAncestor(dirname(path))
}

/** Whether a directory made in `root` can be renamed into `target`. */
async function probe(root: string, target: string): Promise<void> {
  const [from, to] = [join(root, 'tree'), join(target, `.git-snapshot-probe-${randomUUID()}`)]
  await mkdir(from)
  await rename(from, to)
  await rmdir(to)
  await mkdir(from)
}

function below(directory: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(directory + sep), name])
}
