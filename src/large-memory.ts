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
/** Given back: WebAssembly's memory cannot be freed, so those who need some next get it, or parts of it. */
const spare: Buffer<ArrayBuffer>[] = []

/**
 * Memory that does not slow down the start of a process. That copies the tables of all memory which the new process
 * could see, about 10 ms for 100 MB; of WebAssembly's memory V8 lets it see none (MADV_DONTFORK).
 */
export function largeMemory(bytes: number): LargeMemory {
  const memory = takeSpare(bytes) ?? allocate(bytes)
  let isTaken = true
  const giveBack = (): void => {
    if (isTaken) spare.push(memory)
    isTaken = false
  }
  return { bytes: memory, giveBack }
}

function takeSpare(bytes: number): Buffer<ArrayBuffer> | undefined {
  const at = spare.findIndex(({ length }) => length >= bytes)
  const [found] = at === -1 ? [] : spare.splice(at, 1)
  if (found !== undefined && found.length > bytes) spare.push(found.subarray(bytes))
  return found?.subarray(0, bytes)
}

function allocate(bytes: number): Buffer<ArrayBuffer> {
  try {
    const { buffer } = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) })
    return Buffer.from(buffer, 0, bytes)
  } catch {
    // More than 4 GiB, or a system that gives no addresses to spare.
    return Buffer.allocUnsafeSlow(bytes)
  }
}
