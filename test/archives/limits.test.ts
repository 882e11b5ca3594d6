import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type TarEntry, tar, zstdFrame } from '../support/archive.ts'
import { useMemoryDisk } from '../support/memory-disk.ts'
import { serveArchive } from '../support/served-archive.ts'
import { AMPLE_LIMITS } from '../support/tree-limits.ts'
import { BufferStream, type BufferStreamOptions, everyBytes, listing } from '../unpack/fixture.ts'
import { makePlace, type UnpackingOptions, unpackInto } from './place.ts'
import { Step } from './step.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30

/** The whole of an archive in frames, whose content is `frame` again and again. */
function repeated(head: Buffer, frame: Buffer, times: number): Buffer {
  return Buffer.concat([zstdFrame(head), ...Array.from({ length: times }, () => frame)])
}

const ZEROS = zstdFrame(Buffer.alloc(8 * MIB), { checksum: true })

/** A tar header that announces this many bytes of content. */
const fileOf = (size: number): Buffer => tar([{ name: 'zeros', size }], { end: 'none' })

async function failureOf(bytes: Buffer, options: UnpackingOptions = {}, stream: BufferStreamOptions = {}) {
  const place = makePlace()
  const error = await unpackInto(place, new BufferStream(bytes, stream), options).then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  const written = [...listing(place.tree)].reduce((sum, [, text]) => sum + text.length, 0)
  return { error, written }
}

const tooMuch = (words: RegExp) => ({ code: 'LIMIT_EXCEEDED', message: expect.stringMatching(words) })

describe('an archive that unpacks to far more than it has', () => {
  it('T95: of 100 files of 1 GiB of zeros, is refused at 64 MiB', async () => {
    const file = repeated(fileOf(GIB), ZEROS, 128)
    const bytes = Buffer.concat(Array.from({ length: 100 }, () => file))
    expect((100 * GIB) / bytes.length).toBeGreaterThan(20_000)
    const { error, written } = await failureOf(bytes, {}, { cuts: everyBytes(bytes.length, 1000) })
    expect(error).toMatchObject(tooMuch(/unpack to more than \d+; at most 1000 times/))
    expect(written).toBeLessThan(200 * MIB)
  })

  it('F116: of 1 MiB that would be a tebibyte of zeros, is refused by the ratio before the disk is full', async () => {
    const frames = Math.floor(MIB / ZEROS.length)
    const bytes = repeated(fileOf(32 * GIB), ZEROS, frames)
    const { error, written } = await failureOf(bytes, {}, { cuts: everyBytes(bytes.length, 1000) })
    expect(error).toMatchObject(tooMuch(/at most 1000 times/))
    expect(written).toBeLessThan(128 * MIB)
  })

  it('F116: in one frame, is refused by the bytes it announces before any is written', async () => {
    const { error, written } = await failureOf(repeated(fileOf(2 ** 40), ZEROS, 1))
    expect(error).toMatchObject(tooMuch(/unpacks to more than 68719476736 bytes/))
    expect(written).toBe(0)
  })

  it('F116: that announces nothing of it, is refused by the bytes that come', async () => {
    const limits = { ...AMPLE_LIMITS, bytes: 32 * MIB }
    const { error } = await failureOf(repeated(tar([{ name: 'f' }]), ZEROS, 5), { limits })
    expect(error).toMatchObject(tooMuch(/has more than 33554432 bytes/))
  })

  it('F116: through the whole step, leaves everything as it was', async () => {
    const url = await serveArchive(repeated(fileOf(GIB), ZEROS, 128))
    const step = new Step()
    const before = step.state
    await expect(step.run(url)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
    expect(step.state).toEqual(before)
  })

  it('F116: may do so for its first 64 MiB', async () => {
    useMemoryDisk(GIB)
    const place = makePlace()
    const end = zstdFrame(tar([]))
    const bytes = Buffer.concat([repeated(fileOf(56 * MIB), ZEROS, 7), end])
    await unpackInto(place, new BufferStream(bytes))
    expect(readdirSync(place.tree)).toEqual(['zeros'])
  })

  it('F116: may hold more zeros than that, where the rest of it is as large as a clone', async () => {
    useMemoryDisk(GIB)
    const place = makePlace()
    const pack = zstdFrame(tar([{ name: 'pack', body: noise(MIB) }], { end: 'none' }))
    const bytes = Buffer.concat([pack, repeated(fileOf(256 * MIB), ZEROS, 32), zstdFrame(tar([]))])
    await unpackInto(place, new BufferStream(bytes))
    expect(readdirSync(place.tree)).toEqual(['pack', 'zeros'])
  })
})

/** Bytes that do not compress. */
function noise(length: number): Buffer {
  let state = 1
  return Buffer.from(
    Uint8Array.from({ length }, () => {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return state & 0xff
    }),
  )
}

const emptyFiles = (count: number): TarEntry[] =>
  Array.from({ length: count }, (_, n) => ({ name: `d/${n}` }))
const COUNT = 20_000

describe('an archive of many entries', () => {
  it('T94: a million, of which none is taken over, takes no memory', async () => {
    const hooks = Array.from({ length: 1000 }, (_, n) => ({ name: `.git/hooks/${n}` }))
    const frame = zstdFrame(tar(hooks, { end: 'none' }))
    const bytes = Buffer.concat([...Array.from({ length: 1000 }, () => frame), zstdFrame(tar([]))])
    const place = makePlace()
    const before = process.memoryUsage().rss
    const { skipped } = await unpackInto(
      place,
      new BufferStream(bytes, { cuts: everyBytes(bytes.length, MIB) }),
    )
    expect(skipped).toBe(1_000_000)
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * MIB)
    expect(readdirSync(place.tree)).toEqual([])
  })

  it('T94: as many empty files as are allowed, is the tree', async () => {
    useMemoryDisk(GIB)
    const place = makePlace()
    const limits = { ...AMPLE_LIMITS, entries: COUNT + 1 }
    const { files } = await unpackInto(place, new BufferStream(zstdFrame(tar(emptyFiles(COUNT)))), { limits })
    expect(files).toBe(COUNT)
    expect(readdirSync(`${place.tree}/d`)).toHaveLength(COUNT)
  })

  it('T94: one more than is allowed, is refused', async () => {
    const limits = { ...AMPLE_LIMITS, entries: COUNT + 1 }
    const { error } = await failureOf(zstdFrame(tar(emptyFiles(COUNT + 1))), { limits })
    expect(error).toMatchObject(tooMuch(/has more than 20001 entries/))
  })

  it('T96: 100,000 symlinks and a file after them, is the tree', async () => {
    useMemoryDisk(GIB)
    const links = Array.from({ length: 100_000 }, (_, n) => `l/${n}`)
    const entries = links.map((name) => ({ name, type: 'symlink', linkname: '../outside' }))
    const place = makePlace()
    const bytes = zstdFrame(tar([...entries, { name: 'f/x' }]))
    const { workFiles } = await unpackInto(place, new BufferStream(bytes))
    expect(workFiles).toBe(100_001)
    expect(readdirSync(`${place.tree}/l`)).toHaveLength(100_000)
    expect(readdirSync(place.outside)).toEqual(['secret'])
  })
})
