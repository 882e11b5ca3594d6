import { zstdFrame } from '../support/archive.ts'
import { randomFrom } from '../support/random.ts'

type Random = () => number

const BLOCK = 512
const BYTES = [0, 1, 0x20, 0x2e, 0x2f, 0x30, 0x37, 0x39, 0x5c, 0x7f, 0x80, 0xff]
const TYPES = '0125LKxgS7VMND34\0'
const NAMES = ['..', '/', './', 'a/../b', '.git', '.GIT', '.git/config', 'a\0b', '', '../outside/secret', 'a']
/** Fields of a header by their places: name, mode, size, time, type, target, magic, prefix. */
const FIELDS = [0, 100, 124, 136, 156, 157, 257, 345]

const below = (random: Random, limit: number): number => Math.floor(random() * limit)
const oneOf = <T>(random: Random, from: readonly T[], otherwise: T): T =>
  from[below(random, from.length)] ?? otherwise

/** One change of an archive before compression; the bytes may be changed in place. */
type Change = (bytes: Buffer, random: Random, other: Buffer) => Buffer

const placeOf = (bytes: Buffer, random: Random): number => below(random, Math.max(1, bytes.length))
const blockOf = (bytes: Buffer, random: Random): number =>
  BLOCK * below(random, Math.ceil(bytes.length / BLOCK))

const flip: Change = (bytes, random) => {
  const at = placeOf(bytes, random)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8))
  return bytes
}
const put: Change = (bytes, random) => {
  bytes[placeOf(bytes, random)] = oneOf(random, BYTES, 0)
  return bytes
}
const cut: Change = (bytes, random) => bytes.subarray(0, placeOf(bytes, random))
const cutBlocks: Change = (bytes, random) => bytes.subarray(0, blockOf(bytes, random))
const splice: Change = (bytes, random, other) =>
  Buffer.concat([bytes.subarray(0, placeOf(bytes, random)), other.subarray(placeOf(other, random))])
const spliceBlocks: Change = (bytes, random, other) =>
  Buffer.concat([bytes.subarray(0, blockOf(bytes, random)), other.subarray(blockOf(other, random))])
const insertBlocks: Change = (bytes, random, other) => {
  const [at, from] = [blockOf(bytes, random), blockOf(other, random)]
  const blocks = other.subarray(from, from + BLOCK * (1 + below(random, 4)))
  return Buffer.concat([bytes.subarray(0, at), blocks, bytes.subarray(at)])
}
const dropBlocks: Change = (bytes, random) => {
  const at = blockOf(bytes, random)
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + BLOCK * (1 + below(random, 3)))])
}
const field: Change = (bytes, random) => {
  const at = oneOf(random, headersOf(bytes), 0) + oneOf(random, FIELDS, 0) + below(random, 12)
  if (at < bytes.length) bytes[at] = random() < 0.5 ? oneOf(random, BYTES, 0) : 0x30 + below(random, 8)
  return bytes
}
const type: Change = (bytes, random) => {
  const at = oneOf(random, headersOf(bytes), 0) + 156
  if (at < bytes.length) bytes[at] = TYPES.charCodeAt(below(random, TYPES.length))
  return bytes
}
const name: Change = (bytes, random) => {
  const at = oneOf(random, headersOf(bytes), 0) + (random() < 0.7 ? 0 : 157)
  bytes.write(`${oneOf(random, NAMES, '')}\0`, Math.min(at, bytes.length), 'latin1')
  return bytes
}

const CHANGES = [flip, put, cut, cutBlocks, splice, spliceBlocks, insertBlocks, dropBlocks, field, type, name]
const STREAM_CHANGES = [flip, put, cut, splice]

function headersOf(bytes: Buffer): number[] {
  const found: number[] = []
  for (let at = 0; at + BLOCK <= bytes.length; at += BLOCK) {
    if (bytes.toString('latin1', at + 257, at + 262) === 'ustar') found.push(at)
  }
  return found
}

/** Makes the checksums hold again: a reader that stops at the first wrong one would see nothing of a change. */
function repair(bytes: Buffer): void {
  for (const at of headersOf(bytes)) {
    const block = bytes.subarray(at, at + BLOCK)
    block.fill(' ', 148, 156)
    const sum = block.reduce((total, byte) => total + byte, 0)
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  }
}

/** A case is told by its seed alone. */
export interface Mutant {
  readonly kind: 'archive' | 'stream'
  readonly bytes: Buffer
}

/** A changed archive, or a changed stream of an archive that is as it was. */
export function mutantOf(archives: readonly Buffer[], seed: number): Mutant {
  const random = randomFrom(seed)
  const archive = Buffer.concat([oneOf(random, archives, Buffer.alloc(0))])
  const other = oneOf(random, archives, Buffer.alloc(0))
  const times = 1 + below(random, 4)
  if (random() < 0.3) {
    const [stream, second] = [framesOf(archive, random), framesOf(other, random)]
    return {
      kind: 'stream',
      bytes: changed(stream, times, (bytes) => oneOf(random, STREAM_CHANGES, flip)(bytes, random, second)),
    }
  }
  const bytes = changed(archive, times, (now) => oneOf(random, CHANGES, flip)(now, random, other))
  if (random() < 0.9) repair(bytes)
  return { kind: 'archive', bytes }
}

function changed(bytes: Buffer, times: number, change: (bytes: Buffer) => Buffer): Buffer {
  let now = bytes
  for (let n = 0; n < times; n += 1) now = change(now)
  return Buffer.concat([now])
}

function framesOf(archive: Buffer, random: Random): Buffer {
  const frames: Buffer[] = []
  for (let at = 0; at < archive.length || at === 0; ) {
    const end = at + 1 + below(random, 40_000)
    frames.push(
      zstdFrame(archive.subarray(at, end), {
        checksum: random() < 0.8,
        contentSize: random() < 0.5,
        level: 1,
      }),
    )
    at = end
  }
  return Buffer.concat(frames)
}
