/** One member of an archive. Paths and targets are latin1: one character for each byte. No path ends in a slash. */
export type Member =
  | { readonly kind: 'file'; readonly path: string; readonly size: number; readonly executable: boolean }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  | { readonly kind: 'directory'; readonly path: string }

const BLOCK_BYTES = 512
/** What readers take at a time; tar fills the last one with zeros. */
const RECORD_BYTES = 10_240
const NAME_BYTES = 100
const CHECKSUM_AT = 148
/** What all headers have in common: no owner, GNU's magic, and spaces where the checksum goes. */
const BLANK = blankHeader()

interface Header {
  readonly name: string
  readonly type: string
  readonly mode: number
  readonly size: number
  readonly mtime: number
  readonly target: string
}

/**
 * What goes before a member's content, in GNU's format, as its names are bytes of no known encoding: pax has only
 * UTF-8. `mtime` is in seconds since 1970.
 */
export function tarHead(member: Member, mtime: number): Uint8Array {
  const header = headerOf(member, mtime)
  const { name, target } = header
  if (name.length <= NAME_BYTES && target.length <= NAME_BYTES) return headerBlock(header)
  return Buffer.concat([...longText('K', target), ...longText('L', name), headerBlock(header)])
}

/** How many zeros follow a content of so many bytes. */
export function tarPadding(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES
}

/** What ends an archive that has so many bytes without it: two zero blocks at least. */
export function tarEnd(bytes: number): Uint8Array {
  const records = Math.ceil((bytes + 2 * BLOCK_BYTES) / RECORD_BYTES)
  return Buffer.alloc(records * RECORD_BYTES - bytes)
}

/** Modes are those that git knows: whether a file is executable is all that it keeps. */
function headerOf(member: Member, mtime: number): Header {
  const { path: name } = member
  switch (member.kind) {
    case 'file':
      return {
        name,
        type: '0',
        mode: member.executable ? 0o755 : 0o644,
        size: member.size,
        mtime,
        target: '',
      }
    case 'symlink':
      return { name, type: '2', mode: 0o777, size: 0, mtime, target: member.target }
    case 'directory':
      return { name: `${name}/`, type: '5', mode: 0o755, size: 0, mtime, target: '' }
  }
}

/** An entry of its own for a text that is too long for the header behind it. */
function longText(type: 'K' | 'L', text: string): Uint8Array[] {
  if (text.length <= NAME_BYTES) return []
  const size = text.length + 1
  const header = headerBlock({ name: '././@LongLink', type, mode: 0o644, size, mtime: 0, target: '' })
  const body = Buffer.alloc(size + tarPadding(size))
  body.write(text, 'latin1')
  return [header, body]
}

function headerBlock({ name, type, mode, size, mtime, target }: Header): Uint8Array {
  const block = Buffer.from(BLANK)
  block.write(name, 0, NAME_BYTES, 'latin1')
  writeNumber(block, mode, 100, 108)
  writeNumber(block, size, 124, 136)
  writeNumber(block, mtime, 136, 148)
  block.write(type, 156, 1, 'latin1')
  block.write(target, 157, NAME_BYTES, 'latin1')
  let sum = 0
  for (let i = 0; i < BLOCK_BYTES; i += 1) sum += block[i] ?? 0
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, CHECKSUM_AT, 'latin1')
  return block
}

function blankHeader(): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES)
  writeNumber(block, 0, 108, 116)
  writeNumber(block, 0, 116, 124)
  block.fill(' ', CHECKSUM_AT, CHECKSUM_AT + 8)
  block.write('ustar  \0', 257, 'latin1')
  return block
}

/** In octal and a NUL; where that is too narrow, in base-256 (GNU). */
function writeNumber(block: Buffer, value: number, from: number, to: number): void {
  const digits = value.toString(8).padStart(to - from - 1, '0')
  if (digits.length < to - from) {
    block.write(`${digits}\0`, from, 'latin1')
    return
  }
  block.writeBigUInt64BE(BigInt(value), to - 8)
  block[from] = 0x80
}
