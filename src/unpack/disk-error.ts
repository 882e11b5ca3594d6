import { ActionError } from '../errors.ts'
import { shownPath } from '../shown-path.ts'

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'writing there is not allowed; files left by a container that runs as root can be the cause',
  EPERM: 'writing there is not allowed; files left by a container that runs as root can be the cause',
  EIO: 'the disk failed to read or write: it may be damaged, use another runner',
  EMFILE: 'this process has too many files open: raise the limit (ulimit -n)',
  ENFILE: 'the machine has too many files open: raise the limit (sysctl fs.file-max)',
  ELOOP: 'symbolic links lead round in a circle there',
  ENAMETOOLONG: 'the name is too long for this file system',
  EINVAL: 'this file system has no such names',
  EILSEQ: 'this file system has no names that are not UTF-8',
  EBUSY: 'another program has it open',
}

export interface DiskFailure {
  readonly code: string
  /** The entry, latin1. */
  readonly path: string
  readonly message: string
}

/** What a system call's error says of the entry at `path`, in a form that goes from thread to thread. */
export function diskFailure(path: string, error: unknown): DiskFailure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN'
  return { code, path, message: String(error) }
}

/** The error for an entry that the disk does not take. */
export function diskError({ code, path, message }: DiskFailure, cause?: unknown): ActionError {
  const shown = shownPath(path)
  if (code === 'EEXIST') {
    const what = 'this file system takes it for the same name as an earlier entry'
    return new ActionError('UNSAFE_ENTRY', `the archive is refused at ${shown}: ${what}`, { cause })
  }
  return new ActionError('WRITE_FAILED', `could not write ${shown}: ${HINTS[code] ?? message} (${code})`, {
    cause,
  })
}
