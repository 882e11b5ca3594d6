import { createHash } from 'node:crypto'
import { linkSync, lstatSync, lutimesSync, symlinkSync } from 'node:fs'
import { STAT_BYTES } from '../index-layout.ts'
import { onDisk } from '../on-disk.ts'
import { diskError, diskFailure } from './disk-error.ts'
import { GIT_MODE, renewStatData, writeStatData } from './index-record.ts'
import { linkedPath } from './policy.ts'
import type { TarEntry } from './tar.ts'
import { blobHeader } from './tree-job.ts'

export interface LinksOptions {
  /** The root of the tree, latin1 as paths are. */
  readonly root: string
  /** For symbolic links, in seconds since 1970. */
  readonly mtime: number
  /** The index record of a file, by its path. */
  readonly recordOfFile: (path: string) => Uint8Array | undefined
}

/** The links of a tree. They are made when all files are there, so that none is on the way to a file. */
export class Links {
  readonly #options: LinksOptions
  readonly #links: { readonly path: string; readonly entry: TarEntry }[] = []
  readonly #records = new Map<string, Uint8Array>()

  constructor(options: LinksOptions) {
    this.#options = options
  }

  add(path: string, entry: TarEntry): void {
    this.#links.push({ path, entry })
  }

  /** Makes them all, and gives their number. */
  make(hash: 'sha1' | 'sha256'): number {
    for (const { path, entry } of this.#links) {
      if (entry.kind === 'hardlink') this.#makeHard(path, linkedPath(entry))
      else this.#makeSymbolic(path, Buffer.from(entry.target, 'latin1'), hash)
    }
    return this.#links.length
  }

  /** How the index entry of a link begins; undefined where none of this path was made. */
  recordOf(path: string): Uint8Array | undefined {
    return this.#records.get(path)
  }

  #makeHard(path: string, existing: string): void {
    const { root, recordOfFile } = this.#options
    const record = recordOfFile(existing)
    writeAt(root, path, (place) => {
      linkSync(onDisk(root, existing), place)
      if (record === undefined || !renewStatData(record, lstatSync(place, { bigint: true }))) return
      this.#records.set(path, record)
    })
  }

  #makeSymbolic(path: string, target: Buffer, hash: 'sha1' | 'sha256'): void {
    const { root, mtime } = this.#options
    writeAt(root, path, (place) => {
      symlinkSync(target, place)
      lutimesSync(place, mtime, mtime)
      const id = createHash(hash).update(blobHeader(target.length)).update(target).digest()
      const record = Buffer.alloc(STAT_BYTES + id.length)
      writeStatData(record, lstatSync(place, { bigint: true }), GIT_MODE.symlink)
      record.set(id, STAT_BYTES)
      this.#records.set(path, record)
    })
  }
}

/** Runs what writes at a path below the root; what the disk refuses is an error in words. */
export function writeAt(root: string, path: string, run: (place: string | Buffer) => void): void {
  try {
    run(onDisk(root, path))
  } catch (error) {
    throw diskError(diskFailure(path, error), error)
  }
}
