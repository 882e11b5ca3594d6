import { ActionError } from '../errors.ts'
import { HEADER_BYTES, HeaderBlock, readText, type TarHeader } from './tar-header.ts'
import { parsePax } from './tar-pax.ts'

export type EntryKind = 'file' | 'directory' | 'symlink' | 'hardlink'

/** One member. Names are latin1 strings: one character for each byte, whatever encoding it is of. */
export interface TarEntry {
  readonly kind: EntryKind
  readonly path: string
  /** Where a link points; empty for other kinds. */
  readonly target: string
  /** Bytes of content; 0 for all but files. */
  readonly size: number
  readonly executable: boolean
}

/** A member's head, or a part of the last file's content: from `start` to `end` of the block just given. */
export type TarEvent =
  | { readonly kind: 'entry'; readonly entry: TarEntry }
  | { readonly kind: 'data'; readonly start: number; readonly end: number }

const MAX_META_BYTES = 1024 * 1024

type State = 'header' | 'data' | 'meta' | 'padding' | 'one-zero' | 'end'

/** What headers before an entry say about it. */
interface Overrides {
  longName: string | undefined
  longTarget: string | undefined
  pax: ReadonlyMap<string, string> | undefined
}

/**
 * Reads a tar stream (POSIX.1-1988 ustar, v7, GNU long names and base-256 numbers, POSIX.1-2001 pax) without I/O,
 * in pieces of any size, and refuses whatever two readers could understand differently. Keeps at most 1 MiB.
 */
export class TarParser {
  #state: State = 'header'
  #at = 0
  /** Bytes left of what the state is about. */
  #left = 0
  #padding = 0
  readonly #header = new HeaderBlock()
  #headerBytes = 0
  #meta: { readonly type: string; readonly bytes: Buffer; filled: number } | undefined
  #overrides: Overrides = NO_OVERRIDES

  /** Says that no bytes follow; throws unless the archive has ended as an archive does. */
  end(): void {
    if (this.#state === 'end' && this.#headerBytes === 0) return
    throw new ActionError(
      'CORRUPT_ARCHIVE',
      `the tar archive is cut off at byte ${this.#at + this.#headerBytes}`,
    )
  }

  *push(block: Uint8Array): Generator<TarEvent, void, undefined> {
    for (let read = 0; read < block.length; ) {
      const rest = block.length - read
      if (this.#state === 'data' || this.#state === 'meta' || this.#state === 'padding') {
        const end = read + Math.min(rest, this.#left)
        if (this.#state === 'data') yield { kind: 'data', start: read, end }
        else if (this.#state === 'meta') this.#keep(block.subarray(read, end))
        this.#advance(end - read)
        read = end
      } else {
        const end = read + Math.min(rest, HEADER_BYTES - this.#headerBytes)
        this.#header.bytes.set(block.subarray(read, end), this.#headerBytes)
        this.#headerBytes += end - read
        read = end
        if (this.#headerBytes < HEADER_BYTES) return
        this.#headerBytes = 0
        const entry = this.#takeHeader()
        if (entry !== undefined) yield { kind: 'entry', entry }
      }
    }
  }

  #keep(bytes: Uint8Array): void {
    if (this.#meta === undefined) return
    this.#meta.bytes.set(bytes, this.#meta.filled)
    this.#meta.filled += bytes.length
  }

  /** Leaves `data`, `meta` and `padding` when their last byte has been read. */
  #advance(length: number): void {
    this.#at += length
    this.#left -= length
    if (this.#left > 0) return
    if (this.#state === 'meta') this.#takeMeta()
    this.#left = this.#state === 'padding' ? 0 : this.#padding
    this.#state = this.#left > 0 ? 'padding' : 'header'
  }

  #takeHeader(): TarEntry | undefined {
    const at = this.#at
    this.#at += HEADER_BYTES
    if (this.#header.isZero()) {
      this.#takeZeroBlock()
      return undefined
    }
    if (this.#state === 'end') throw damaged('has data after its end', at)
    if (this.#state === 'one-zero') throw damaged('has a lone zero block', at - HEADER_BYTES)
    const header = this.#header.read(at)
    if (META_TYPES.has(header.type)) {
      this.#beginMeta(header, at)
      return undefined
    }
    return this.#takeEntry(header, at)
  }

  #takeZeroBlock(): void {
    if (this.#overrides !== NO_OVERRIDES)
      throw damaged('ends after a long name that belongs to nothing', this.#at)
    this.#state = this.#state === 'header' ? 'one-zero' : 'end'
  }

  #beginMeta({ type, size }: TarHeader, at: number): void {
    if (size > MAX_META_BYTES) {
      throw new ActionError(
        'LIMIT_EXCEEDED',
        `the tar header at byte ${at} has ${size} bytes; at most 1 MiB is allowed`,
      )
    }
    this.#meta = { type, bytes: Buffer.alloc(size), filled: 0 }
    this.#expect('meta', size)
    if (size === 0) this.#advance(0)
  }

  #takeMeta(): void {
    const { type, bytes } = this.#meta ?? { type: '', bytes: Buffer.alloc(0) }
    this.#meta = undefined
    if (type === 'g') {
      parsePax(bytes, 'global', this.#at)
      return
    }
    const { longName, longTarget, pax } = this.#overrides
    const twice = type === 'L' ? longName : type === 'K' ? longTarget : pax
    if (twice !== undefined) throw damaged('gives an entry two long names', this.#at)
    if (type === 'x') this.#overrides = { longName, longTarget, pax: parsePax(bytes, 'entry', this.#at) }
    else if (type === 'L') this.#overrides = { longName: longText(bytes, this.#at), longTarget, pax }
    else this.#overrides = { longName, longTarget: longText(bytes, this.#at), pax }
  }

  #takeEntry(header: TarHeader, at: number): TarEntry {
    const { longName, longTarget, pax } = this.#overrides
    this.#overrides = NO_OVERRIDES
    const path = chosen(header.name, longName, pax?.get('path'), at)
    const target = chosen(header.target, longTarget, pax?.get('linkpath'), at)
    const kind = entryKind(header, path, at)
    const size = paxSize(pax?.get('size'), at) ?? header.size
    if (kind === 'file') {
      this.#expect('data', size)
      if (size === 0) this.#state = 'header'
      return { kind, path, target: '', size, executable: (header.mode & 0o111) !== 0 }
    }
    if (size !== 0) throw damaged(`has a ${kind} with content`, at)
    this.#state = 'header'
    return { kind, path, target: kind === 'directory' ? '' : target, size: 0, executable: false }
  }

  #expect(state: 'data' | 'meta', size: number): void {
    this.#state = state
    this.#left = size
    this.#padding = (HEADER_BYTES - (size % HEADER_BYTES)) % HEADER_BYTES
  }
}

const NO_OVERRIDES: Overrides = { longName: undefined, longTarget: undefined, pax: undefined }
const META_TYPES = new Set(['L', 'K', 'x', 'g'])
const KINDS = new Map<string, EntryKind>([
  ['0', 'file'],
  ['\0', 'file'],
  ['1', 'hardlink'],
  ['2', 'symlink'],
  ['5', 'directory'],
])

function entryKind({ type }: TarHeader, path: string, at: number): EntryKind {
  const kind = KINDS.get(type)
  if (kind === undefined)
    throw damaged(`has an entry of the type ${JSON.stringify(type)}, which git never makes`, at)
  return kind === 'file' && path.endsWith('/') ? 'directory' : kind
}

/** A name given in two ways is a way to show different readers different names. */
function chosen(own: string, long: string | undefined, pax: string | undefined, at: number): string {
  if (long !== undefined && pax !== undefined) throw damaged('gives an entry two long names', at)
  return long ?? pax ?? own
}

function longText(bytes: Buffer, at: number): string {
  const text = readText(bytes, 0, bytes.length)
  if (text === undefined) throw damaged('has a long name with a NUL in it', at)
  return text
}

function paxSize(text: string | undefined, at: number): number | undefined {
  if (text === undefined) return undefined
  const size = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(size)) return size
  throw damaged('has an entry whose size is no number', at)
}

function damaged(what: string, at: number): ActionError {
  return new ActionError('CORRUPT_ARCHIVE', `the tar archive ${what}, at byte ${at}`)
}
