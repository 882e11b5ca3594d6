import { mkdirSync } from 'node:fs'
import { toLatin1 } from '../on-disk.ts'
import { Stopwatch } from '../timing.ts'
import { Batch, type BatchFile } from './batch.ts'
import { diskError } from './disk-error.ts'
import type { Naming } from './entry-name.ts'
import { isFolded } from './folded.ts'
import { IndexRecords } from './index-records.ts'
import { Links, writeAt } from './links.ts'
import { type Decision, EntryPolicy, isInDotGit, linkedPath, type TreeLimits } from './policy.ts'
import { EVERYTHING, type Selection } from './selection.ts'
import { type TarEntry, TarParser } from './tar.ts'
import { EXECUTABLE, TRACKED } from './tree-job.ts'
import { type Writer, Writers } from './writers.ts'

export interface TreeOptions {
  /** A fresh directory that nothing else writes to. */
  readonly root: string
  readonly writers: number
  readonly limits: TreeLimits
  /** Asked for names relative to `.git`, latin1. */
  readonly staysInDotGit: (name: string) => boolean
  /** For every file and link, in seconds since 1970. */
  readonly mtime: number
  /** Default: this system's. */
  readonly naming?: Naming
  /**
   * Told when `.git`, which tar gives in one piece, is on disk and other files follow: git can begin while those are
   * written. Where more of `.git` comes after all, `write` rejects with ScatteredDotGit.
   */
  readonly onDotGit?: (() => void) | undefined
}

/** The archive is not one that git can begin with before its end. */
export class ScatteredDotGit extends Error {
  override readonly name = 'ScatteredDotGit'
  override readonly message = 'the archive has .git in several places'
}

const SYSTEM_NAMING: Naming = process.platform === 'win32' ? 'windows' : 'posix'

/** What has been unpacked. What was not selected counts nowhere. */
export interface Tree {
  /** Regular files and links, in `.git` as well. */
  readonly files: number
  /** The same, outside of `.git`. */
  readonly workFiles: number
  /** Of all files. */
  readonly bytes: number
  /** Names inside `.git` that were not taken over. */
  readonly skipped: number
  /**
   * For a path (latin1, below the root) outside `.git`: the bytes that its git index entry would begin with (stat
   * data, mode, object id of what was written); undefined where no such file was written, and for all paths where names
   * were folded: one file may hold what another is to, and git, which keeps the last of them, is to write them all.
   */
  readonly recordOf: (path: string) => Uint8Array | undefined
}

/** A file whose content is being read. */
interface CurrentFile extends BatchFile {
  /** How much of it has been read. */
  position: number
  /** Who writes it, where it has more than one part. */
  writer: Writer | undefined
}

/** Builds a tree from a tar stream: files by the writers, links last, so that no link is ever on the way to a file. */
export class TreeBuilder {
  /** Runs while the writers are waited for. */
  readonly waiting = new Stopwatch()
  /** The repository's object format: what object ids are made with. */
  hash: 'sha1' | 'sha256' = 'sha1'
  /** What is written beside `.git`. */
  selection: Selection = EVERYTHING
  readonly #root: string
  readonly #parser = new TarParser()
  readonly #policy: EntryPolicy
  readonly #writers: Writers
  readonly #records = new IndexRecords()
  readonly #links: Links
  #hasFolded = false
  #batch: Batch
  #current: CurrentFile | undefined
  #files = 0
  #workFiles = 0
  #bytes = 0
  readonly #onDotGit: (() => void) | undefined
  #hasLeftDotGit = false

  /** Starts the writers; `close` ends them. */
  constructor({
    root,
    writers,
    limits,
    staysInDotGit,
    mtime,
    naming = SYSTEM_NAMING,
    onDotGit,
  }: TreeOptions) {
    this.#root = toLatin1(root)
    this.#onDotGit = onDotGit
    this.#policy = new EntryPolicy({
      limits,
      naming,
      staysInDotGit,
      makeDirectory: (path) => this.#makeDirectory(path),
    })
    this.#writers = new Writers({
      count: writers,
      worker: { root: this.#root, mtime },
      onWritten: (result) => {
        this.#records.add(result)
        this.#hasFolded ||= result.hasFolded
      },
      errorOf: diskError,
    })
    this.#batch = new Batch(this.#writers.block())
    const recordOfFile = (path: string) => this.#recordOf(path)
    this.#links = new Links({ root: this.#root, mtime, recordOfFile })
  }

  /** Takes the next bytes of the archive, which it copies; resolves when it can take more. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#policy.countRead(bytes.length)
    for (const event of this.#parser.push(bytes)) {
      if (event.kind === 'entry') {
        const decision = this.#policy.decide(event.entry)
        if (this.#isBehindDotGit(decision)) await this.#leaveDotGit()
        const file = this.#take(event.entry, decision)
        this.#current = file
        if (file === undefined || this.#batch.add(file)) continue
        await this.#flush()
        this.#batch.add(file)
      } else if (this.#current !== undefined) {
        const content = bytes.subarray(event.start, event.end)
        if (this.#batch.holds(this.#current)) this.#batch.append(content)
        else await this.#appendLarge(this.#current, content)
      }
    }
  }

  /** Says that no bytes follow; resolves when everything is on disk. */
  async finish(): Promise<Tree> {
    this.#parser.end()
    await this.#flush()
    this.waiting.start()
    await this.#writers.written()
    this.waiting.stop()
    const links = this.#links.make(this.hash)
    this.#files += links
    this.#workFiles += links
    return {
      files: this.#files,
      workFiles: this.#workFiles,
      bytes: this.#bytes,
      skipped: this.#policy.skipped,
      recordOf: (path) => this.#recordOf(path),
    }
  }

  close(): Promise<void> {
    return this.#writers.close()
  }

  /** What there is to write of an entry now: links come last. */
  #take(entry: TarEntry, decision: Decision): CurrentFile | undefined {
    if (decision.kind === 'skip' || decision.kind === 'directory') return undefined
    const { kind, path } = decision
    const inDotGit = kind === 'file' && decision.inDotGit
    if (!inDotGit && !this.selection(path, kind)) return undefined
    if (kind !== 'file') {
      this.#takeLink(path, entry)
      return undefined
    }
    const flags = (entry.executable ? EXECUTABLE : 0) | (inDotGit ? 0 : TRACKED)
    this.#files += 1
    if (!inDotGit) this.#workFiles += 1
    else if (this.#hasLeftDotGit) throw new ScatteredDotGit()
    this.#bytes += entry.size
    return { path, number: decision.number, size: entry.size, flags, position: 0, writer: undefined }
  }

  /** A hard link to what is not written is left to git, as all is that the archive lacks. */
  #takeLink(path: string, entry: TarEntry): void {
    if (entry.kind === 'hardlink' && !this.selection(linkedPath(entry), 'file')) return
    this.#links.add(path, entry)
  }

  /** Whether this is the first file behind a `.git` that seems to be whole. */
  #isBehindDotGit(decision: Decision): boolean {
    if (this.#onDotGit === undefined || this.#hasLeftDotGit) return false
    if (decision.kind !== 'file' || decision.inDotGit) return false
    return this.#policy.hasTaken('.git/HEAD', '.git/objects', '.git/refs')
  }

  async #leaveDotGit(): Promise<void> {
    this.#hasLeftDotGit = true
    await this.#flush()
    // What fails here is told to whoever writes next.
    this.#writers.written().then(this.#onDotGit, () => {})
  }

  /** A file that does not fit into a block has blocks of its own, all for one writer. */
  async #appendLarge(file: CurrentFile, content: Uint8Array): Promise<void> {
    for (let read = 0; read < content.length; ) {
      const length = Math.min(content.length - read, this.#batch.room)
      if (this.#batch.isEmpty) this.#batch.addPart(file, file.position)
      this.#batch.append(content.subarray(read, read + length))
      file.position += length
      read += length
      if (this.#batch.room === 0 || file.position === file.size) await this.#flush(file)
    }
  }

  /** Gives the batch to a writer: the one that has begun this file, or the idlest. */
  async #flush(file?: CurrentFile): Promise<void> {
    if (this.#batch.isEmpty) return
    this.waiting.start()
    if (file?.writer !== undefined) await this.#writers.roomAt(file.writer)
    const writer = file?.writer ?? (await this.#writers.idlest())
    this.waiting.stop()
    if (file !== undefined) file.writer = writer
    this.#writers.give(writer, this.#batch.job(this.hash))
    this.#batch = new Batch(this.#writers.block())
  }

  #recordOf(path: string): Uint8Array | undefined {
    if (this.#hasFolded) return undefined
    const number = this.#policy.numberOf(path)
    return number === undefined ? this.#links.recordOf(path) : this.#records.of(number)
  }

  #makeDirectory(path: string): void {
    const inDotGit = isInDotGit(path)
    if (!inDotGit && !this.selection(path, 'directory')) return
    writeAt(this.#root, path, (place) => {
      try {
        mkdirSync(place)
      } catch (error) {
        if (inDotGit || !isFolded(error, place, 'directory')) throw error
      }
    })
  }
}
