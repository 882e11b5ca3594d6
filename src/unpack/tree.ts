import { createHash } from 'node:crypto'
import { linkSync, lstatSync, lutimesSync, mkdirSync, symlinkSync } from 'node:fs'
import { diskError } from './disk-error.ts'
import { GIT_MODE, STAT_BYTES, writeStatData } from './index-record.ts'
import { onDisk, toLatin1 } from './on-disk.ts'
import { type Decision, EntryPolicy, linkedPath, type TreeLimits } from './policy.ts'
import { type TarEntry, TarParser } from './tar.ts'
import { EXECUTABLE, PART_FIELDS, TRACKED } from './tree-job.ts'
import { type Writer, Writers, type Written } from './writers.ts'

export interface TreeOptions {
  /** A fresh directory that nothing else writes to. */
  readonly root: string
  readonly writers: number
  readonly limits: TreeLimits
  /** Asked for names relative to `.git`, latin1. */
  readonly staysInDotGit: (name: string) => boolean
  /** For every file and link, in seconds since 1970. */
  readonly mtime: number
}

/** What has been unpacked. */
export interface Tree {
  /** Regular files and links, in `.git` as well. */
  readonly files: number
  /** Of all files. */
  readonly bytes: number
  /** Names inside `.git` that were not taken over. */
  readonly skipped: number
  /**
   * For a path (latin1, below the root) outside `.git`: the bytes that its git index entry would begin with (stat
   * data, mode, object id of what was written); undefined where no such file was written.
   */
  readonly recordOf: (path: string) => Uint8Array | undefined
}

/** A file whose content is being read. */
interface CurrentFile {
  readonly path: string
  readonly number: number
  readonly size: number
  readonly flags: number
  position: number
  /** Who has begun it. */
  owner: Writer | undefined
}

interface Part {
  readonly file: CurrentFile
  readonly start: number
  readonly end: number
  readonly position: number
}

/** Builds a tree from a tar stream: files by the writers, links last, so that no link is ever on the way to a file. */
export class TreeBuilder {
  /** The repository's object format: what object ids are made with. */
  hash: 'sha1' | 'sha256' = 'sha1'
  readonly #root: string
  readonly #mtime: number
  readonly #parser = new TarParser()
  readonly #policy: EntryPolicy
  readonly #writers: Writers
  readonly #records: Uint8Array[] = []
  readonly #links: { readonly path: string; readonly entry: TarEntry }[] = []
  #linkRecords = new Map<string, Uint8Array>()
  #current: CurrentFile | undefined
  #files = 0
  #bytes = 0

  /** Starts the writers; `close` ends them. */
  constructor({ root, writers, limits, staysInDotGit, mtime }: TreeOptions) {
    this.#root = toLatin1(root)
    this.#mtime = mtime
    this.#policy = new EntryPolicy(limits, staysInDotGit)
    this.#writers = new Writers({
      count: writers,
      worker: { root: this.#root, mtime },
      onWritten: (result) => this.#keep(result),
      errorOf: ({ code, path, message }) => diskError({ code, path, message }),
    })
  }

  /** Takes the next block, whose ArrayBuffer it gives away; resolves when there is room for another. */
  async write(block: Uint8Array): Promise<void> {
    const parts = this.#read(block)
    const [first] = parts
    if (first === undefined) return
    const idlest = await this.#writers.idlest()
    const owner = first.position > 0 ? first.file.owner : undefined
    if (owner === undefined || owner === idlest) {
      this.#give(idlest, block, parts)
    } else if (parts.length === 1) {
      await this.#writers.roomAt(owner)
      this.#give(owner, block, parts)
    } else {
      const tail = block.slice(first.start, first.end)
      this.#give(owner, tail, [{ ...first, start: 0, end: tail.length }])
      this.#give(idlest, block, parts.slice(1))
    }
  }

  /** Says that no block follows; resolves when everything is on disk. */
  async finish(): Promise<Tree> {
    this.#parser.end()
    await this.#writers.idle()
    for (const { path, entry } of this.#links) this.#makeLink(path, entry)
    return {
      files: this.#files,
      bytes: this.#bytes,
      skipped: this.#policy.skipped,
      recordOf: (path) => {
        const number = this.#policy.numberOf(path)
        return number === undefined ? this.#linkRecords.get(path) : this.#records[number]
      },
    }
  }

  close(): Promise<void> {
    return this.#writers.close()
  }

  /** What there is to write of a block. Makes the directories on the way. */
  #read(block: Uint8Array): Part[] {
    const parts: Part[] = []
    for (const event of this.#parser.push(block)) {
      if (event.kind === 'entry') {
        const decision = this.#policy.decide(event.entry, (path) => this.#makeDirectory(path))
        this.#current = this.#take(event.entry, decision)
        if (this.#current?.size === 0) parts.push({ file: this.#current, start: 0, end: 0, position: 0 })
      } else if (this.#current !== undefined) {
        const { start, end } = event
        parts.push({ file: this.#current, start, end, position: this.#current.position })
        this.#current.position += end - start
      }
    }
    return parts
  }

  #take(entry: TarEntry, decision: Decision): CurrentFile | undefined {
    if (decision.kind === 'symlink' || decision.kind === 'hardlink') {
      this.#links.push({ path: decision.path, entry })
    }
    if (decision.kind !== 'file') return undefined
    const { path, number, inDotGit } = decision
    this.#files += 1
    this.#bytes += entry.size
    const flags = (entry.executable ? EXECUTABLE : 0) | (inDotGit ? 0 : TRACKED)
    return { path, number, size: entry.size, flags, position: 0, owner: undefined }
  }

  #give(writer: Writer, block: Uint8Array, parts: readonly Part[]): void {
    const fields = new Float64Array(parts.length * PART_FIELDS)
    parts.forEach(({ file, start, end, position }, index) => {
      file.owner = writer
      fields.set([file.number, start, end, position, file.size, file.flags], index * PART_FIELDS)
    })
    const paths = parts.map(({ file }) => file.path).join('\0')
    this.#writers.give(writer, { block, paths, parts: fields, hash: this.hash })
  }

  #keep({ files, records, recordBytes }: Written): void {
    files.forEach((file, index) => {
      this.#records[file] = records.subarray(index * recordBytes, (index + 1) * recordBytes)
    })
  }

  #makeDirectory(path: string): void {
    this.#onDisk(path, (place) => mkdirSync(place))
  }

  #makeLink(path: string, entry: TarEntry): void {
    this.#files += 1
    if (entry.kind === 'hardlink') {
      const existing = linkedPath(entry)
      this.#onDisk(path, (place) => linkSync(onDisk(this.#root, existing), place))
      const number = this.#policy.numberOf(existing)
      const record = number === undefined ? undefined : this.#records[number]
      if (record !== undefined) this.#linkRecords.set(path, record)
      return
    }
    const target = Buffer.from(entry.target, 'latin1')
    this.#onDisk(path, (place) => {
      symlinkSync(target, place)
      lutimesSync(place, this.#mtime, this.#mtime)
      const id = createHash(this.hash).update(`blob ${target.length}\0`).update(target).digest()
      const record = Buffer.alloc(STAT_BYTES + id.length)
      writeStatData(record, lstatSync(place, { bigint: true }), GIT_MODE.symlink)
      record.set(id, STAT_BYTES)
      this.#linkRecords.set(path, record)
    })
  }

  #onDisk(path: string, run: (place: string | Buffer) => void): void {
    try {
      run(onDisk(this.#root, path))
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN'
      throw diskError({ code, path, message: String(error) }, error)
    }
  }
}
