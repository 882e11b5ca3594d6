import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Bell } from '../bell.ts'
import { BLOCK_BYTES, type JobResult, type WorkerOptions, type WriteJob } from './tree-job.ts'

/** Jobs a writer has at most: the one that it writes, and one that follows without a pause. */
const QUEUE = 2
/** A writer keeps next to nothing: left to itself its heap would grow by 16 MiB of garbage. */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 3 }

/** One thread, and how many jobs it has. */
export interface Writer {
  readonly worker: Worker
  queued: number
  /** How many it has done. */
  done: number
}

export type Written = JobResult & { readonly kind: 'written' }
export type Unwritten = JobResult & { readonly kind: 'failed' }

export interface WritersOptions {
  readonly count: number
  readonly worker: WorkerOptions
  readonly onWritten: (result: Written) => void
  readonly errorOf: (result: Unwritten) => Error
}

/**
 * The threads that write files. They start at once, since each takes 65 ms to be there. Bounded by two blocks for
 * each. Close them, or the process stays.
 */
export class Writers {
  readonly #bell = new Bell()
  readonly #writers: readonly Writer[]
  readonly #options: WritersOptions
  readonly #blocks: Uint8Array<ArrayBuffer>[] = []
  #failure: { readonly error: unknown } | undefined

  constructor(options: WritersOptions) {
    this.#options = options
    this.#writers = Array.from({ length: options.count }, () => this.#start())
  }

  /** Where the next job is best given, once there is room for it. */
  async idlest(): Promise<Writer> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error
      const writer = this.#writers.reduce((least, other) => (other.queued < least.queued ? other : least))
      if (writer.queued < QUEUE) return writer
      await this.#bell.wait()
    }
  }

  async roomAt(writer: Writer): Promise<void> {
    while (writer.queued >= QUEUE && this.#failure === undefined) await this.#bell.wait()
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** A block for the next job: one that came back, where there is one. */
  block(): Uint8Array<ArrayBuffer> {
    return this.#blocks.pop() ?? new Uint8Array(BLOCK_BYTES)
  }

  /** The job's block goes with it: its memory is the writer's from now on. */
  give(writer: Writer, job: WriteJob): void {
    writer.queued += 1
    writer.worker.postMessage(job, [job.block.buffer, job.parts.buffer])
  }

  /** Resolves when everything given until now is on disk. */
  async written(): Promise<void> {
    const ends = this.#writers.map((writer) => ({ writer, end: writer.done + writer.queued }))
    while (this.#failure === undefined && ends.some(({ writer, end }) => writer.done < end))
      await this.#bell.wait()
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async close(): Promise<void> {
    this.#failure ??= { error: new Error('the writers are closed') }
    this.#bell.ring()
    await Promise.all(this.#writers.map(({ worker }) => worker.terminate()))
  }

  #start(): Writer {
    const script = join(import.meta.dirname, `tree-worker${extname(import.meta.filename)}`)
    const writer = {
      worker: new Worker(script, { workerData: this.#options.worker, resourceLimits: WORKER_LIMITS }),
      queued: 0,
      done: 0,
    }
    writer.worker.on('error', (error) => this.#fail(error))
    writer.worker.on('exit', () => this.#fail(new Error('a writer thread ended before its work was done')))
    writer.worker.on('message', (result: JobResult) => {
      writer.queued -= 1
      writer.done += 1
      if (result.kind === 'failed') this.#fail(this.#options.errorOf(result))
      else {
        this.#blocks.push(result.block)
        this.#options.onWritten(result)
      }
      this.#bell.ring()
    })
    return writer
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#bell.ring()
  }
}
