import { randomUUID } from 'node:crypto'
import { existsSync, type PathLike, statSync } from 'node:fs'
import { mkdir, readdir, realpath, rm, rmdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { DiskSpace } from '../disk-space.ts'
import { ActionError, describeError } from '../errors.ts'
import { markOwn } from '../owner.ts'
import { renamePatiently } from '../patient-rename.ts'
import { removeStaging, removeStale, SWAPPING } from './stale.ts'

export { removeStaging }

export interface StagingOptions {
  /** The runner's temporary directory. */
  readonly temp: string
  /**
   * Told before a directory is made, so that a later step can remove what this one could not; told '' while it
   * holds what is nowhere else: entries that the swap has not finished to move, or could not put back.
   */
  readonly onStaging: (root: string) => void
}

interface StagingPlace {
  readonly root: string
  readonly destination: string
  /** Where a staging directory of this destination can lie. */
  readonly places: readonly string[]
}

/**
 * A fresh directory in which the tree grows, on the destination's file system and inside nothing else's. Until
 * `swap` the destination is as it was.
 */
export class Staging {
  /** All of it; only the owner gets in. */
  readonly root: string
  /** What is free where it lies. */
  readonly disk: DiskSpace
  readonly #destination: string
  readonly #places: readonly string[]
  readonly #onStaging: StagingOptions['onStaging']
  #isPrecious = false

  private constructor(where: StagingPlace, { onStaging }: StagingOptions) {
    this.root = where.root
    this.disk = new DiskSpace(where.root)
    this.#destination = where.destination
    this.#places = where.places
    this.#onStaging = onStaging
  }

  /**
   * Lies in the first of the temporary directory, the directory above the destination and the destination itself
   * from which a directory can be renamed into the destination: bind mounts refuse that, even of one device. The
   * destination is absolute, free of symlinks, and need not exist, nor its parents. What killed runs have left in
   * any of them is removed first.
   */
  static async create(destination: string, options: StagingOptions): Promise<Staging> {
    const { onStaging } = options
    const existing = existingAncestor(destination)
    const candidates = await placesFor(destination, options.temp)
    await removeStale(candidates, destination, 'to be replaced')
    const failures: unknown[] = []
    for (const candidate of candidates) {
      const root = join(candidate, `.git-snapshot-${randomUUID()}`)
      try {
        onStaging(root)
        await mkdir(root, { mode: 0o700 })
        await markOwn(root, destination)
        await probe(root, existing)
        return new Staging({ root, destination, places: candidates }, options)
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
        await renamePatiently(...names)
        done.push(names)
      }
    }
    try {
      await mkdir(old)
      await writeFile(this.#swapping, '', { flag: 'wx' })
      this.#onStaging('')
      if (existsSync(this.#destination) && !isDirectory(this.#destination)) {
        const names: [string, string] = [this.#destination, join(old, basename(this.#destination))]
        await renamePatiently(...names)
        done.push(names)
      }
      await mkdir(this.#destination, { recursive: true })
      await move(this.#destination, old)
      await move(this.tree, this.#destination)
      this.#onStaging(this.root)
    } catch (error) {
      const failures: unknown[] = [error]
      if (done[0]?.[0] === this.#destination) await rmdir(this.#destination).catch(() => {})
      for (const [from, to] of done.reverse())
        await renamePatiently(to, from).catch((again) => failures.push(again))
      this.#isPrecious = failures.length > 1
      const what = this.#isPrecious ? `some of what was there is kept in ${old}` : 'it is as it was'
      const message = `the tree could not be moved into ${this.#destination}; ${what}`
      const cause = new Error(failures.map(describeError).join(', '))
      throw new ActionError('WRITE_FAILED', message, { cause })
    }
    await rm(this.#swapping, { force: true })
  }

  /**
   * After the swap: keeps the old entries for a later removal, unless there are none or the job would see them. What
   * killed runs kept of the destination goes now.
   */
  async leave(): Promise<void> {
    const isSeen = this.root.startsWith(this.#destination + sep)
    if (isSeen || (await readdir(join(this.root, 'old'))).length === 0) await removeStaging(this.root)
    await removeStale(this.#places, this.#destination, 'replaced')
  }

  /** Removes everything, unless it holds what a failed swap could not put back. */
  async remove(): Promise<void> {
    if (!this.#isPrecious) await removeStaging(this.root)
  }

  get #swapping(): string {
    return join(this.root, SWAPPING)
  }
}

/** Removes what killed runs have left of a destination that is now as it should be. */
export async function removeLeftovers(destination: string, temp: string): Promise<void> {
  await removeStale(await placesFor(destination, temp), destination, 'replaced')
}

/** Where staging for a destination can lie, best first. */
async function placesFor(destination: string, givenTemp: string): Promise<readonly string[]> {
  const temp = await realpath(givenTemp).catch(() => givenTemp)
  const outside = temp.startsWith(destination + sep) ? [] : [temp]
  const places = [...outside, existingAncestor(dirname(destination)), destination]
  return places.filter(isDirectory)
}

function existingAncestor(path: string): string {
  return isDirectory(path) ? path : existingAncestor(dirname(path))
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** Whether a directory made in `root` can be renamed into `target`. */
async function probe(root: string, target: string): Promise<void> {
  const [from, to] = [join(root, 'tree'), join(target, `.git-snapshot-probe-${randomUUID()}`)]
  await mkdir(from)
  await renamePatiently(from, to)
  await rmdir(to)
  await mkdir(from)
}

function below(directory: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(directory + sep), name])
}
