import { execFileSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { ActionError } from '../../src/errors.ts'
import type { InnerStreamOptions } from '../../src/unpack/inner-stream.ts'
import { makePlace, unpackInto } from '../archives/place.ts'
import { type TarEntry, tar, tarZst, zstdFrame } from '../support/archive.ts'
import { skipWithout } from '../support/programs.ts'
import { LARGE_PLAIN, MIB } from './decoded-frames.ts'
import { BufferStream, type BufferStreamOptions, everyBytes, sampleBytes } from './fixture.ts'
import { inner, NAME, read, wrapped, wrappedEntries } from './inner-archive.ts'

const FILE: TarEntry = { name: NAME, body: sampleBytes(2000) }
const OUTER = wrapped(LARGE_PLAIN)

interface Settings extends BufferStreamOptions, Partial<InnerStreamOptions> {}

/** What reading the file ends with, and that nothing runs on. */
async function failureOf(outer: Buffer, settings: Settings = {}): Promise<unknown> {
  const stream = new BufferStream(outer, settings)
  const failure = await read(inner(stream, settings)).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(stream.ended).toBe(true)
  return failure
}

const corrupt = (message: unknown) => ({ code: 'CORRUPT_ARCHIVE', message })
const onlyThat = (what: string) =>
  corrupt(`the outer archive has ${what}; it may only have the file "${NAME}"`)

describe('an archive that has not one file of the name is refused', () => {
  const above: TarEntry = { name: 'above/', type: 'directory' }
  it.each<[string, readonly TarEntry[], string]>([
    ['nothing', [], 'nothing in it'],
    ['a file of another name', [{ name: `./${NAME}` }], `the file "./${NAME}" in it`],
    ['a file of a name that goes on', [{ name: `${NAME}x` }], `the file "${NAME}x" in it`],
    ['a directory of the name', [{ name: NAME, type: 'directory' }], `the directory "${NAME}" in it`],
    ['a symlink', [{ name: NAME, type: 'symlink', linkname: 'x' }], `the symlink "${NAME}" in it`],
    ['a hard link', [{ name: NAME, type: 'hardlink', linkname: 'x' }], `the hardlink "${NAME}" in it`],
    ['another file before it', [{ name: 'a' }, FILE], 'the file "a" in it'],
    ['another file behind it', [FILE, { name: 'z' }], 'the file "z" in it'],
    ['the file twice', [FILE, FILE], `the file "${NAME}" in it`],
    ['a directory that is not above it', [above, FILE], 'the directory "above/" in it'],
    ['odd bytes in a name', [{ name: 'é\n' }], 'the file "é\\n" in it'],
  ])('%s', async (_, entries, what) => {
    expect(await failureOf(wrappedEntries(entries))).toMatchObject(onlyThat(what))
  })

  it('a directory above it, but behind it', async () => {
    const entries = [{ ...FILE, name: `above/${NAME}` }, above]
    expect(await failureOf(wrappedEntries(entries), { path: `above/${NAME}` })).toMatchObject({
      code: 'CORRUPT_ARCHIVE',
      message: expect.stringContaining('has the directory "above/" in it'),
    })
  })

  it('only a directory above it', async () => {
    const message = expect.stringContaining('has nothing in it')
    const failure = await failureOf(wrappedEntries([above]), { path: `above/${NAME}` })
    expect(failure).toMatchObject(corrupt(message))
  })
})

describe('an archive that is no whole one is refused', () => {
  it('where there is none', async () => {
    expect(await failureOf(Buffer.alloc(0))).toMatchObject(corrupt('the tar archive is cut off at byte 0'))
  })

  it('where data follow its end', async () => {
    const bytes = zstdFrame(Buffer.concat([tar([FILE]), Buffer.alloc(512, 'x')]))
    const message = expect.stringContaining('has data after its end')
    expect(await failureOf(bytes)).toMatchObject(corrupt(message))
  })

  it('where the tar is cut off', async () => {
    const archive = tar([FILE])
    for (const length of [100, 512, 600, 2512, 2560, 2561, 3072, 3583]) {
      const message = `the tar archive is cut off at byte ${length}`
      const failure = await failureOf(zstdFrame(archive.subarray(0, length)))
      expect(failure, `${length}`).toMatchObject(corrupt(message))
    }
  })

  it('where zstd’s stream is cut off anywhere', async () => {
    const outer = wrapped(sampleBytes(300))
    for (let length = 1; length < outer.length; length += 1) {
      expect(await failureOf(outer.subarray(0, length)), `${length}`).toMatchObject({ code: 'TRUNCATED' })
    }
  })

  it('where zstd’s stream is cut off behind much of the file', async () => {
    const outer = OUTER.subarray(0, 20 * MIB)
    const cuts = everyBytes(outer.length, 100_000)
    expect(await failureOf(outer, { cuts })).toMatchObject({ code: 'TRUNCATED' })
  })

  it('where it is damaged', async () => {
    const outer = Buffer.concat([OUTER])
    outer[20 * MIB] = (outer[20 * MIB] ?? 0) ^ 1
    expect(await failureOf(outer, { cuts: everyBytes(outer.length, MIB) })).toMatchObject({
      code: 'CORRUPT_ZSTD',
      message: 'zstd frame 1, at byte 0, is damaged',
    })
  })

  it('where it is compressed by something else', async () => {
    expect(await failureOf(gzipSync(tar([FILE])))).toMatchObject({ code: 'NOT_ZSTD' })
  })
})

describe('an archive that costs too much is refused', () => {
  it('where its window is larger than 128 MiB', async (context) => {
    skipWithout(context, 'zstd')
    const outer = execFileSync('zstd', ['--long=30', '-c'], { input: tar([FILE]) })
    expect(await failureOf(outer)).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining('a window of 1024 MiB; at most 128 MiB is allowed'),
    })
  })

  it.each([
    ['in the file', wrapped(Buffer.alloc(9 * MIB))],
    ['behind its end', zstdFrame(Buffer.concat([tar([FILE]), Buffer.alloc(9 * MIB)]))],
  ])('where it has too many bytes %s', async (_, outer) => {
    expect(await failureOf(outer, { maxBytes: 8 * MIB })).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: 'the outer archive has more than 8388608 bytes',
    })
  })
})

describe('a source that fails', () => {
  const failure = new ActionError('STALLED', 'the network is gone')

  it.each([
    ['before the first byte', Buffer.alloc(0)],
    ['in the midst of the file', OUTER.subarray(0, 10 * MIB)],
    ['behind its last byte', OUTER],
  ])('%s ends it with its own error', async (_, bytes) => {
    expect(await failureOf(bytes, { cuts: everyBytes(bytes.length, 100_000), failure })).toBe(failure)
  })
})

describe('an archive in an archive', () => {
  it('that is refused ends both', async () => {
    const archive = await tarZst([{ name: '../f', body: LARGE_PLAIN.subarray(0, 12 * MIB) }], {
      frameBytes: MIB,
    })
    const outer = wrapped(archive)
    const stream = new BufferStream(outer, { cuts: everyBytes(outer.length, 100_000), holdBytes: 0 })
    await expect(unpackInto(makePlace(), inner(stream))).rejects.toMatchObject({ code: 'UNSAFE_ENTRY' })
    expect(stream.cancelled).toBeDefined()
    expect(stream.ended).toBe(true)
    expect(stream.delivered).toBeLessThan(outer.length)
  })

  it('whose outer one is cut off fails for that', async () => {
    const outer = wrapped(
      await tarZst([{ name: 'f', body: LARGE_PLAIN.subarray(0, 3 * MIB) }], { frameBytes: MIB }),
    )
    const stream = new BufferStream(outer.subarray(0, outer.length - 5))
    await expect(unpackInto(makePlace(), inner(stream))).rejects.toMatchObject({ code: 'TRUNCATED' })
  })

  it('that has more behind its end is refused, though its own end is whole', async () => {
    const outer = wrappedEntries([
      { name: NAME, body: await tarZst([{ name: 'f', body: 'x' }]) },
      { name: 'z' },
    ])
    const result = unpackInto(makePlace(), inner(new BufferStream(outer)))
    await expect(result).rejects.toMatchObject(onlyThat('the file "z" in it'))
  })
})
