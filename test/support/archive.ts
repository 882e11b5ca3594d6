import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdCompressSync } from 'node:zlib'

/** The type flags of tar headers under the names used in tests. */
export const typeFlags: Readonly<Record<string, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
  pax: 'x',
  global: 'g',
  longName: 'L',
  longLink: 'K',
}

/** A number written in octal, or in base-256 where octal is too narrow; a Buffer is written as it is. */
export type TarNumber = number | bigint | Buffer

/** One member. Everything is written as given: no name is normalised and no slash added. */
export type TarEntry = {
  readonly name: string | Buffer
  /** A key of `typeFlags` or a flag character; default `file`. */
  readonly type?: string
  readonly body?: string | Buffer
  readonly linkname?: string | Buffer
  readonly mode?: TarNumber
  readonly uid?: TarNumber
  readonly gid?: TarNumber
  readonly mtime?: TarNumber
  /** What the header claims; default the body's length. The body is written whole either way. */
  readonly size?: TarNumber
  readonly uname?: string
  readonly gname?: string
  /** `gnu` puts L and K entries before long names, `ustar` splits them into a prefix, `v7` refuses. */
  readonly format?: 'gnu' | 'ustar' | 'v7'
  /** Records of an x header before this member, or that header's raw body. */
  readonly pax?: Readonly<Record<string, string | Buffer>> | Buffer
  /** Changes the finished header, before its checksum is computed. */
  readonly patch?: (header: Buffer) => void
  readonly checksum?: number
}

export type TarOptions = {
  /** `record`: two zero blocks and zeros up to 10,240 bytes, as GNU tar writes; default. */
  readonly end?: 'record' | 'blocks' | 'none'
}

const BLOCK_BYTES = 512
const RECORD_BYTES = 10_240
const PIECE_BYTES = 1024 * 1024

/** A tar archive of the entries in order; a Buffer among them is put in raw. */
export function tar(entries: Iterable<TarEntry | Buffer>, options: TarOptions = {}): Buffer {
  const parts = [...entries].flatMap((entry) => (Buffer.isBuffer(entry) ? [entry] : member(entry)))
  const end = {
    record: endOfRecord(length(parts)),
    blocks: Buffer.alloc(2 * BLOCK_BYTES),
    none: Buffer.alloc(0),
  }
  return Buffer.concat([...parts, end[options.end ?? 'record']])
}

/** The body of an x or g header. */
export function paxRecords(records: Readonly<Record<string, string | Buffer>>): Buffer {
  return Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, bytesOf(value))))
}

/** A number in GNU's base-256: two's complement, the first bit set. */
export function base256(value: number | bigint, width: number): Buffer {
  const field = Buffer.alloc(width)
  let rest = BigInt(value)
  for (let at = width - 1; at >= 0; at--) {
    field[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
  field[0] = (field[0] ?? 0) | 0x80
  return field
}

/** What `tar -cpf - -C directory .` writes, in pieces of about 1 MiB; entries sorted by name. */
export function* tarDirectory(directory: string): Generator<Buffer> {
  const tree: Tree = {
    firstNames: new Map(),
    userNames: namesIn('/etc/passwd'),
    groupNames: namesIn('/etc/group'),
  }
  let bytes = 0
  let pending: Buffer[] = []
  let pendingBytes = 0
  for (const part of membersBelow(Buffer.from(directory), Buffer.from('.'), tree)) {
    pending.push(part)
    pendingBytes += part.length
    bytes += part.length
    if (pendingBytes < PIECE_BYTES) continue
    yield Buffer.concat(pending)
    pending = []
    pendingBytes = 0
  }
  yield Buffer.concat([...pending, endOfRecord(bytes)])
}

export type ZstdOptions = { readonly level?: number }
export type PzstdOptions = ZstdOptions & { readonly frameBytes?: number }
export type FrameOptions = ZstdOptions & { readonly contentSize?: boolean; readonly checksum?: boolean }

const compress = promisify<Buffer, object, Buffer>(zstdCompress)
const PZSTD_FRAME_BYTES = 8 * 1024 * 1024
const FRAMES_AT_ONCE = 4

/**
 * The input as pzstd writes it: before each frame a skippable one with the frame's compressed size, no
 * content size, a checksum. Holds at most 4 frames, decoded and compressed.
 */
export async function* pzstd(input: Pieces, options: PzstdOptions = {}): AsyncGenerator<Buffer> {
  const parameters = zstdParameters({ ...options, contentSize: false, checksum: true })
  const queue: Promise<Buffer>[] = []
  for await (const slice of slices(input, options.frameBytes ?? PZSTD_FRAME_BYTES)) {
    const frame = compress(slice, parameters)
    frame.catch(() => {}) // reported when its turn comes
    queue.push(frame)
    if (queue.length === FRAMES_AT_ONCE) yield* sized(await queue.shift())
  }
  for (const frame of queue) yield* sized(await frame)
}

/** One zstd frame; with neither content size nor checksum unless asked for. */
export function zstdFrame(bytes: Buffer, options: FrameOptions = {}): Buffer {
  return zstdCompressSync(bytes, zstdParameters(options))
}

/** A skippable frame, the 16 kinds of which differ in the last digit of their magic number. */
export function skippableFrame(content: Buffer, kind = 0): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt32LE(0x184d2a50 + kind, 0)
  header.writeUInt32LE(content.length, 4)
  return Buffer.concat([header, content])
}

/** A whole `.tar.zst` of the entries, as pzstd writes it. */
export function tarZst(
  entries: Iterable<TarEntry | Buffer>,
  options: TarOptions & PzstdOptions = {},
): Promise<Buffer> {
  return buffer(pzstd(tar(entries, options), options))
}

type Pieces = Buffer | Iterable<Buffer> | AsyncIterable<Buffer>

async function* slices(input: Pieces, sliceBytes: number): AsyncGenerator<Buffer> {
  let held: Buffer[] = []
  let heldBytes = 0
  let empty = true
  for await (const piece of Buffer.isBuffer(input) ? [input] : input) {
    let rest = piece
    while (heldBytes + rest.length >= sliceBytes) {
      const taken = sliceBytes - heldBytes
      yield Buffer.concat([...held, rest.subarray(0, taken)])
      rest = rest.subarray(taken)
      held = []
      heldBytes = 0
      empty = false
    }
    held.push(rest)
    heldBytes += rest.length
  }
  if (heldBytes > 0 || empty) yield Buffer.concat(held)
}

function* sized(frame: Buffer | undefined): Generator<Buffer> {
  if (frame === undefined) return
  const size = Buffer.alloc(4)
  size.writeUInt32LE(frame.length)
  yield skippableFrame(size)
  yield frame
}

function zstdParameters(options: FrameOptions) {
  return {
    chunkSize: PIECE_BYTES,
    params: {
      [constants.ZSTD_c_compressionLevel]: options.level ?? 3,
      [constants.ZSTD_c_contentSizeFlag]: options.contentSize === true ? 1 : 0,
      [constants.ZSTD_c_checksumFlag]: options.checksum === true ? 1 : 0,
    },
  }
}

function member(entry: TarEntry): Buffer[] {
  const body = bytesOf(entry.body ?? '')
  return [...extensions(entry), header(entry, body.length), body, padding(body.length)]
}

/** What goes before a member's own header: its x header, and L and K entries for long names. */
function extensions(entry: TarEntry): Buffer[] {
  const parts: Buffer[] = []
  if (entry.pax !== undefined) {
    const body = Buffer.isBuffer(entry.pax) ? entry.pax : paxRecords(entry.pax)
    parts.push(...member({ name: './PaxHeaders/entry', type: 'pax', body }))
  }
  if ((entry.format ?? 'gnu') !== 'gnu') return parts
  const linkname = bytesOf(entry.linkname ?? '')
  const name = bytesOf(entry.name)
  if (linkname.length > 100) parts.push(...longEntry('longLink', linkname))
  if (name.length > 100) parts.push(...longEntry('longName', name))
  return parts
}

function longEntry(type: string, text: Buffer): Buffer[] {
  const body = Buffer.concat([text, Buffer.alloc(1)])
  return member({ name: '././@LongLink', type, body, mtime: 0, uname: 'root', gname: 'root' })
}

function header(entry: TarEntry, bodyBytes: number): Buffer {
  const format = entry.format ?? 'gnu'
  const flag = typeFlags[entry.type ?? 'file'] ?? entry.type ?? '0'
  const block = Buffer.alloc(BLOCK_BYTES)
  const { name, prefix } = splitName(bytesOf(entry.name), format)
  name.copy(block, 0, 0, 100)
  numberField(entry.mode ?? defaultMode(flag), 8).copy(block, 100)
  numberField(entry.uid ?? 0, 8).copy(block, 108)
  numberField(entry.gid ?? 0, 8).copy(block, 116)
  numberField(entry.size ?? bodyBytes, 12).copy(block, 124)
  numberField(entry.mtime ?? 1_700_000_000, 12).copy(block, 136)
  block.write(flag, 156, 'latin1')
  bytesOf(entry.linkname ?? '').copy(block, 157, 0, 100)
  if (format !== 'v7') {
    block.write(format === 'gnu' ? 'ustar  \0' : 'ustar\x0000', 257, 'latin1')
    block.write(entry.uname ?? '', 265, 32)
    block.write(entry.gname ?? '', 297, 32)
    prefix.copy(block, 345)
  }
  entry.patch?.(block)
  block.fill(' ', 148, 156)
  const sum = entry.checksum ?? block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

function splitName(name: Buffer, format: string): { name: Buffer; prefix: Buffer } {
  const whole = { name, prefix: Buffer.alloc(0) }
  if (name.length <= 100 || format === 'gnu') return whole
  const slash = name.indexOf('/', name.length - 101)
  if (format === 'v7' || slash < 1 || slash > 155)
    throw new Error(`No room for the name in ${format}: ${name}`)
  return { name: name.subarray(slash + 1), prefix: name.subarray(0, slash) }
}

function defaultMode(flag: string): number {
  return { '2': 0o777, '5': 0o755 }[flag] ?? 0o644
}

function numberField(value: TarNumber, width: number): Buffer {
  if (Buffer.isBuffer(value)) return Buffer.concat([value, Buffer.alloc(width)]).subarray(0, width)
  const digits = width - 1
  if (value < 0 || BigInt(value) >= 8n ** BigInt(digits)) return base256(value, width)
  return Buffer.from(`${value.toString(8).padStart(digits, '0')}\0`, 'latin1')
}

function paxRecord(key: string, value: Buffer): Buffer {
  const text = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')])
  let total = text.length
  while (total !== text.length + String(total).length) total = text.length + String(total).length
  return Buffer.concat([Buffer.from(String(total)), text])
}

type Tree = {
  readonly firstNames: Map<string, Buffer>
  readonly userNames: ReadonlyMap<number, string>
  readonly groupNames: ReadonlyMap<number, string>
}

function* membersBelow(path: Buffer, name: Buffer, tree: Tree): Generator<Buffer> {
  const stats = lstatSync(path)
  const owner = {
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    mtime: Math.floor(stats.mtimeMs / 1000),
    uname: tree.userNames.get(stats.uid) ?? '',
    gname: tree.groupNames.get(stats.gid) ?? '',
  }
  const firstName = firstNameOf(stats, name, tree)
  if (firstName !== undefined) yield* member({ ...owner, name, type: 'hardlink', linkname: firstName })
  else if (stats.isFile()) yield* fileMember({ ...owner, name, size: stats.size }, path)
  else if (stats.isSymbolicLink())
    yield* member({ ...owner, name, type: 'symlink', linkname: readlinkSync(path, 'buffer') })
  else if (stats.isDirectory()) {
    yield* member({ ...owner, name: joinName(name, ''), type: 'directory' })
    for (const child of readdirSync(path, { encoding: 'buffer' })) {
      yield* membersBelow(joinName(path, child), joinName(name, child), tree)
    }
  } else throw new Error(`Neither file, directory nor link: ${path}`)
}

/** Of a file with several names, the one under which it was written first. */
function firstNameOf(stats: Stats, name: Buffer, tree: Tree): Buffer | undefined {
  if (stats.nlink < 2 || stats.isDirectory()) return undefined
  const identity = `${stats.dev}:${stats.ino}`
  const first = tree.firstNames.get(identity)
  if (first === undefined) tree.firstNames.set(identity, name)
  return first
}

function* fileMember(entry: TarEntry & { readonly size: number }, path: Buffer): Generator<Buffer> {
  yield* extensions(entry)
  yield header(entry, entry.size)
  if (entry.size <= PIECE_BYTES) {
    const body = readFileSync(path)
    if (body.length !== entry.size) throw new Error(`Changed while it was read: ${path}`)
    yield body
  } else yield* largeBody(path, entry.size)
  yield padding(entry.size)
}

function* largeBody(path: Buffer, size: number): Generator<Buffer> {
  const file = openSync(path, 'r')
  try {
    for (let at = 0; at < size; ) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, size - at))
      const count = readSync(file, piece)
      if (count === 0) throw new Error(`Became shorter while it was read: ${path}`)
      yield piece.subarray(0, count)
      at += count
    }
  } finally {
    closeSync(file)
  }
}

/** Names by number from /etc/passwd or /etc/group; none where there is no such file. */
function namesIn(file: string): ReadonlyMap<number, string> {
  try {
    const lines = readFileSync(file, 'utf8').split('\n')
    return new Map(lines.map((line) => line.split(':')).map(([name, , id]) => [Number(id), name ?? '']))
  } catch {
    return new Map()
  }
}

function joinName(directory: Buffer, name: Buffer | string): Buffer {
  return Buffer.concat([directory, Buffer.from('/'), bytesOf(name)])
}

function bytesOf(text: string | Buffer): Buffer {
  return Buffer.isBuffer(text) ? text : Buffer.from(text)
}

function length(parts: readonly Buffer[]): number {
  return parts.reduce((total, part) => total + part.length, 0)
}

function padding(bodyBytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (bodyBytes % BLOCK_BYTES)) % BLOCK_BYTES)
}

function endOfRecord(bytes: number): Buffer {
  const end = bytes + 2 * BLOCK_BYTES
  return Buffer.alloc(Math.ceil(end / RECORD_BYTES) * RECORD_BYTES - bytes)
}
