/** Below `root`, a path as the file system has it: bytes, where they are more than ASCII. Both are latin1. */
export function onDisk(root: string, path: string): string | Buffer {
  const whole = path === '' ? root : `${root}/${path}`
  return isAscii(whole) ? whole : Buffer.from(whole, 'latin1')
}

/** The bytes of a name that Node gave as text, one character for each. */
export function toLatin1(path: string): string {
  return isAscii(path) ? path : Buffer.from(path).toString('latin1')
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text)
}
