import { createHash } from 'node:crypto'
import { existsSync, globSync, utimesSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { ByteStream } from '../../src/byte-stream.ts'
import type { Recorder } from '../../src/store/recorder.ts'
import { Store, type StoreOptions } from '../../src/store/store.ts'
import type { Stored } from '../../src/store/stored.ts'
import { temporary } from '../support/temporary.ts'
import { BufferStream, everyBytes, sampleBytes } from '../unpack/fixture.ts'
import { toolCacheIn } from './tool-cache.ts'

export const NAME = 'http://cachew.test/git/github.com/octo/project/snapshot.tar.zst'
export const ETAG = '"e-1"'
export const COMMIT = 'c'.repeat(40)
export const MINUTE_MS = 60_000
/** A moment at which every test begins, long enough ago that nothing of it lies in the future. */
const BEGIN_MS = Date.now() - 10 * MINUTE_MS

/** Of one name, as its source announces it. */
export interface Shown {
  readonly name?: string
  readonly etag?: string | undefined
  readonly commit?: string | undefined
}

/** A store's directory, and stores in it that share a clock. */
export class StorePlace {
  readonly directory: string
  readonly lines: string[] = []
  now = BEGIN_MS

  constructor(directory = join(temporary(), 'tools')) {
    this.directory = directory
  }

  /** With a snapshot under each of these names, each a minute younger than the one before. */
  static async of(...names: string[]): Promise<StorePlace> {
    const place = new StorePlace()
    for (const [index, name] of names.entries()) {
      expect(await place.keep(archive(index + 1), { name })).toBe('kept')
    }
    return place
  }

  /** As another job has it. */
  store(options: Partial<StoreOptions> = {}): Store {
    return new Store({
      directory: this.directory,
      arch: 'x64',
      toolCache: toolCacheIn(this.directory),
      maxBytes: 2 ** 30,
      spareBytes: 0,
      now: () => this.now,
      log: (line) => this.lines.push(line),
      ...options,
    })
  }

  recorder(bytes: number | undefined, shown: Shown = {}, options: Partial<StoreOptions> = {}): Recorder {
    const { name = NAME, etag = ETAG, commit = COMMIT } = shown
    return this.store(options).recorder({ name, etag, commit, bytes })
  }

  /** Records bytes as a step does, a minute after what was before. */
  async keep(bytes: Buffer, shown: Shown = {}, options: Partial<StoreOptions> = {}): Promise<string> {
    this.now += MINUTE_MS
    const recorder = this.recorder(bytes.length, shown, options)
    await read(recorder.tee(new BufferStream(bytes, { cuts: everyBytes(bytes.length, 1000) })))
    return recorder.commit()
  }

  /** Those of these names that are there; they stay in use until the test ends. */
  async names(...names: string[]): Promise<string[]> {
    const found = await Promise.all(names.map(async (name) => ((await this.find(name)) ? [name] : [])))
    return found.flat()
  }

  /** Closed when the test ends. */
  async find(name = NAME, options: Partial<StoreOptions> = {}): Promise<Stored | undefined> {
    const stored = await this.store(options).find(name)
    onTestFinished(() => stored?.close())
    return stored
  }

  /** What is there for sure. Closed when the test ends. */
  async reader(): Promise<Stored> {
    const stored = await this.find()
    if (stored === undefined) throw new Error('nothing is stored')
    return stored
  }

  /** What is stored under a name, read as a job does. */
  async content(name = NAME): Promise<Buffer | undefined> {
    const stored = await this.store().find(name)
    try {
      return stored && (await readAll(stored))
    } finally {
      await stored?.close()
    }
  }

  /** The directories of what is complete. */
  get entries(): readonly string[] {
    const marked = this.found('git-snapshot/*/*/*.complete').map((marker) =>
      marker.replace(/\.complete$/, ''),
    )
    return marked.filter((entry) => existsSync(entry))
  }

  /** The only one, or any of them. */
  get entry(): string {
    const [entry] = this.entries
    if (entry === undefined) throw new Error('nothing is stored')
    return entry
  }

  /** What processes that work on it have made, or left. */
  get claims(): readonly string[] {
    return this.found('git-snapshot/*/.*')
  }

  found(pattern: string): readonly string[] {
    return globSync(join(this.directory, pattern)).filter((path) => !['.', '..'].includes(basename(path)))
  }
}

/** As if it had been written then. */
export function setTime(path: string, milliseconds: number): void {
  utimesSync(path, milliseconds / 1000, milliseconds / 1000)
}

/** All that a stream gives, each piece released once it is copied. */
export async function read(stream: ByteStream): Promise<Buffer> {
  const pieces: Buffer[] = []
  let at = 0
  for await (const piece of stream) {
    pieces.push(Buffer.from(piece))
    at += piece.length
    stream.release(at)
  }
  return Buffer.concat(pieces)
}

export function readAll(stored: Stored): Promise<Buffer> {
  return read(stored.stream(new AbortController().signal))
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Bytes of an archive, different for each seed. */
export function archive(seed: number, length = 10_000): Buffer {
  return sampleBytes(length, seed)
}
