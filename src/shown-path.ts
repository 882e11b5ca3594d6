import { Buffer } from 'node:buffer'

const MAX_LENGTH = 300

/** A path (latin1) as a message shows it: quoted, control characters escaped, cut off where it is long. */
export function shownPath(path: string): string {
  return JSON.stringify(Buffer.from(path, 'latin1').toString().slice(0, MAX_LENGTH))
}
