import type { Range } from './http/ranges.ts'

/** For rings of tens of megabytes. What it holds at first is anything. */
export interface LargeMemory {
  readonly bytes: Buffer<ArrayBuffer>
  /** Nothing uses it any more. Once is enough, more is no harm. */
  readonly giveBack: () => void
}

/** As the types of Node do not have it. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
}

const PAGE_BYTES = 64 * 1024
/** What several rings find room in. The operating system gives a page when it is first written. */
const ARENA_BYTES = 128 * 1024 * 1024
/**
 * They cannot be freed, so who needs memory next gets what was given back. Only who has some of one holds it: what is
 * never given back, as after a failure, is left to the garbage collector in the end.
 */
const arenas = new Set<WeakRef<Arena>>()

/**
 * Memory that does not slow down the start of a process. That copies the tables of all memory which the new process
 * could see, about 10 ms for 100 MB; of WebAssembly's memory V8 lets it see none (MADV_DONTFORK).
 */
export function largeMemory(bytes: number): LargeMemory {
  for (const reference of arenas) {
    const arena = reference.deref()
    if (arena === undefined) arenas.delete(reference)
    const taken = arena?.take(bytes)
    if (taken !== undefined) return taken
  }
  const arena = arenaFor(bytes)
  if (arena !== undefined) arenas.add(new WeakRef(arena))
  return arena?.take(bytes) ?? { bytes: Buffer.allocUnsafeSlow(bytes), giveBack: () => {} }
}

/** Undefined where there is none: for more than 4 GiB, or on a system that gives no addresses to spare. */
function arenaFor(bytes: number): Arena | undefined {
  const initial = Math.ceil(Math.max(bytes, ARENA_BYTES) / PAGE_BYTES)
  try {
    return new Arena(Buffer.from(new WebAssembly.Memory({ initial }).buffer))
  } catch {
    return undefined
  }
}

/** One memory, of which the first gap that is large enough is taken: as little as can be is ever written. */
class Arena {
  readonly #memory: Buffer<ArrayBuffer>
  /** In order. */
  #taken: readonly Range[] = []

  constructor(memory: Buffer<ArrayBuffer>) {
    this.#memory = memory
  }

  take(bytes: number): LargeMemory | undefined {
    const ends = [0, ...this.#taken.map(({ end }) => end)]
    const starts = [...this.#taken.map(({ start }) => start), this.#memory.length]
    const gap = ends.findIndex((end, at) => (starts[at] ?? 0) - end >= bytes)
    const start = ends[gap]
    if (start === undefined) return undefined
    const part = { start, end: start + bytes }
    this.#taken = this.#taken.toSpliced(gap, 0, part)
    return {
      bytes: this.#memory.subarray(start, part.end),
      giveBack: () => {
        this.#taken = this.#taken.filter((other) => other !== part)
      },
    }
  }
}
