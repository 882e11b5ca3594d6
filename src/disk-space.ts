import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ActionError, describeError } from './errors.ts'

/** What a snapshot of sources takes on disk, by its bytes on the way: enough for a word, too much for a refusal. */
export const UNPACKED_RATIO = 3

/** What system calls and git say where a disk takes no more; git's own words leave out what the system said. */
const FULL =
  /\b(ENOSPC|EDQUOT)\b|No space left on device|Disk quota exceeded|Out of diskspace|\berror: unable to write file /i

/** What a git server says of its own. */
const OF_OTHERS = /\bremote: .*?(?=\b(fatal|error): |$)/gm

/** What a disk refuses with: another way to the commit would only meet it again. */
const REFUSAL = /^(ENOSPC|EDQUOT|EROFS|EACCES|EPERM|EIO|EMFILE|ENFILE|ENAMETOOLONG|ELOOP)$/

/**
 * The room on the file system where a new tree grows. The old one stays beside it until the job is over, so all of
 * the new one has to fit into what is free now.
 */
export class DiskSpace {
  readonly #path: string
  #snapshotBytes: number | undefined

  /** For a directory that is to be there when it is asked. */
  constructor(path: string) {
    this.#path = path
  }

  /**
   * Fails where a snapshot of so many bytes cannot fit: a plain fetch, which may be far smaller, can follow. Unpacked it
   * is no smaller, so nobody with enough space is refused; how much larger it is shows only on the way.
   */
  async require(snapshotBytes: number | undefined): Promise<void> {
    this.#snapshotBytes = snapshotBytes
    const found = await measure(this.#path)
    // Some file systems tell nothing.
    if (snapshotBytes === undefined || found.bytes === 0 || snapshotBytes <= found.freeBytes) return
    const needed = `the snapshot is ${rounded(snapshotBytes)}, which does not fit`
    throw new ActionError('LIMIT_EXCEEDED', `${needed}: ${wordsFor(found)}; ${ADVICE}`)
  }

  /** The error that a restore failed with; where the disk refused, as one that says so, with the room there is. */
  async explain(error: unknown): Promise<unknown> {
    const isFull = isDiskFull(describeError(error))
    if (!isFull && !isRefusal(error)) return error
    const found = isFull ? await measure(this.#path).catch(() => undefined) : undefined
    const room = found === undefined ? '' : `; ${wordsFor(found)}${this.#expectation}; ${ADVICE}`
    const isInWords = error instanceof ActionError
    const message = `${isInWords ? error.message : 'the disk did not take what was to be written'}${room}`
    return new ActionError('WRITE_FAILED', message, { cause: isInWords ? error.cause : error })
  }

  get #expectation(): string {
    if (this.#snapshotBytes === undefined) return ''
    const unpacked = rounded(UNPACKED_RATIO * this.#snapshotBytes)
    return `, where a snapshot of ${rounded(this.#snapshotBytes)} takes about ${unpacked}`
  }
}

/** Whether a text says of a disk of this machine that it takes no more. */
export function isDiskFull(text: string): boolean {
  return FULL.test(text.replace(OF_OTHERS, ''))
}

const ADVICE = 'free some space, or use a runner with a larger disk'

function isRefusal(error: unknown): boolean {
  if (error instanceof ActionError || !(error instanceof Error) || !('code' in error)) return false
  return REFUSAL.test(String(error.code))
}

interface FileSystem {
  /** The topmost directory that is on it. */
  readonly top: string
  readonly bytes: number
  readonly freeBytes: number
  /** Files and directories; both 0 where it does not count them. */
  readonly files: number
  readonly freeFiles: number
}

async function measure(path: string): Promise<FileSystem> {
  const { bsize, blocks, bavail, files, ffree: freeFiles } = await statfs(path)
  const top = await topOf(path, (await stat(path)).dev)
  return { top, bytes: blocks * bsize, freeBytes: bavail * bsize, files, freeFiles }
}

async function topOf(path: string, device: number): Promise<string> {
  const above = dirname(path)
  return above === path || (await stat(above)).dev !== device ? path : topOf(above, device)
}

function wordsFor({ top, bytes, freeBytes, files, freeFiles }: FileSystem): string {
  const space = `the file system of ${top} has ${rounded(freeBytes)} of ${rounded(bytes)} free`
  const isOutOfFiles = files > 0 && freeFiles === 0
  return isOutOfFiles ? `${space}, and room for none of its ${files} files` : space
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** To a decimal at most: what a disk has is no round number of any unit. */
function rounded(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  const count = bytes / 1024 ** power
  return `${power === 0 || count >= 100 ? Math.round(count) : count.toFixed(1)} ${UNITS[power]}`
}
