import { join } from 'node:path'
import { describeError } from '../errors.ts'
import { isMissing } from './directory.ts'
import { removeEntry } from './entry.ts'
import { type Facts, readFacts } from './facts.ts'
import { TOOLS, toolOf } from './layout.ts'
import { type Announced, Recorder } from './recorder.ts'
import { Stored } from './stored.ts'

/** What of `@actions/tool-cache` is needed, looking into the store's directory. */
export interface ToolCache {
  find(tool: string, version: string, arch: string): string
  findAllVersions(tool: string, arch: string): readonly string[]
}

export interface StoreOptions {
  /** The runner's tool cache, or a directory that is to be laid out as one; it need not exist. */
  readonly directory: string
  readonly arch: string
  readonly toolCache: ToolCache
  /** Of all snapshots; what live processes read is not removed for it. */
  readonly maxBytes: number
  /** What a recording leaves free on the disk, beside what the job is expected to unpack. */
  readonly spareBytes: number
  /** In milliseconds since 1970. */
  readonly now: () => number
  /** Told at most one line: why the store is of no use. */
  readonly log: (line: string) => void
}

/** What a recording leaves to others on the disk. */
export const SPARE_BYTES = 256 * 1024 * 1024

/**
 * Snapshots on this machine's disk, for whoever uses the same directory at the same time. A name is that of one
 * object at one source: its address without a query, say. Where the store cannot be used nothing is in it.
 */
export class Store {
  readonly #options: StoreOptions
  readonly #tools: string
  #hasComplained = false

  constructor(options: StoreOptions) {
    this.#options = options
    this.#tools = join(options.directory, TOOLS)
  }

  /** The snapshot of this name that was opened last at its source. What is damaged is removed. Close the result. */
  async find(name: string): Promise<Stored | undefined> {
    const { now } = this.#options
    for (const { entry, facts } of await this.#candidates(name)) {
      const stored = await this.#soundOf(entry, Stored.open(entry, facts, now))
      if (stored !== undefined) return stored
    }
    return undefined
  }

  /** What records a snapshot that has been opened just now. */
  recorder(announced: Omit<Announced, 'openedAt'>): Recorder {
    const { directory, now } = this.#options
    return new Recorder({
      ...this.#options,
      announced: { ...announced, openedAt: now() },
      tools: this.#tools,
      directory: join(directory, toolOf(announced.name)),
      complain: (error) => this.#complain(error),
    })
  }

  /** The complete ones of a name, the last opened first. */
  async #candidates(name: string): Promise<readonly Candidate[]> {
    const candidates: Candidate[] = []
    for (const entry of this.#entriesOf(toolOf(name))) {
      const facts = await this.#soundOf(entry, readFacts(entry))
      if (facts?.name === name) candidates.push({ entry, facts })
    }
    return candidates.sort((one, other) => other.facts.openedAt - one.facts.openedAt)
  }

  #entriesOf(tool: string): readonly string[] {
    const { toolCache, arch } = this.#options
    try {
      const versions = toolCache.findAllVersions(tool, arch)
      return versions.map((version) => toolCache.find(tool, version, arch)).filter((entry) => entry !== '')
    } catch (error) {
      this.#complain(error)
      return []
    }
  }

  /** What was read of an entry. One that is not as it was written here is removed, and passed over. */
  async #soundOf<T>(entry: string, reading: Promise<T | undefined>): Promise<T | undefined> {
    try {
      const found = await reading
      if (found !== undefined) return found
    } catch (error) {
      if (!isMissing(error)) {
        this.#complain(error)
        return undefined
      }
    }
    await removeEntry(entry).catch(() => {})
    return undefined
  }

  #complain(error: unknown): void {
    if (this.#hasComplained) return
    this.#hasComplained = true
    this.#options.log(`the snapshot store in ${this.#options.directory} is not used: ${describeError(error)}`)
  }
}

interface Candidate {
  readonly entry: string
  readonly facts: Facts
}
