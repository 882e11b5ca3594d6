import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { pzstd, skippableFrame, type TarEntry, tar, zstdFrame } from '../support/archive.ts'
import { serveArchive } from '../support/served-archive.ts'
import { BufferStream, everyBytes, handFrame, listing, sampleBytes } from '../unpack/fixture.ts'
import type { Contents } from './cases.ts'
import { elsewhere, expectedListing, makePlace, type Place, unpackInto } from './place.ts'
import { Step } from './step.ts'

const ENTRIES: readonly TarEntry[] = [
  { name: './', type: 'directory' },
  { name: './a', body: sampleBytes(3000) },
  { name: './b/run', body: 'run', mode: 0o755 },
  { name: './b/l', type: 'symlink', linkname: '../a' },
]
const ARCHIVE = tar(ENTRIES)
const CONTENTS: Contents = {
  a: sampleBytes(3000).toString('latin1'),
  'b/': { kind: 'directory' },
  'b/run': { kind: 'executable', content: 'run' },
  'b/l': { kind: 'symlink', target: '../a' },
}

const [FIRST, REST] = [ARCHIVE.subarray(0, 5000), ARCHIVE.subarray(5000)]
const framed = await buffer(pzstd(ARCHIVE, { frameBytes: 2000 }))

async function expectTree(place: Place, bytes: Buffer, pieceBytes: number): Promise<void> {
  await unpackInto(place, new BufferStream(bytes, { cuts: everyBytes(bytes.length, pieceBytes) }))
  expect(Object.fromEntries(listing(place.tree))).toEqual(expectedListing(CONTENTS, place))
}

describe('a stream is the tree', () => {
  it.each([1, 2, 7, 18, 511, 4096, 2 ** 30])(
    'F110: of a pzstd file in pieces of %i bytes',
    async (pieceBytes) => {
      await expectTree(makePlace(), framed, pieceBytes)
    },
  )

  const raw = (content: Buffer) => ({ type: 'raw', content }) as const
  it.each<[string, readonly Buffer[]]>([
    [
      'one for each 100 bytes',
      Array.from({ length: Math.ceil(ARCHIVE.length / 100) }, (_, n) =>
        zstdFrame(ARCHIVE.subarray(100 * n, 100 * n + 100), { checksum: n % 2 === 0 }),
      ),
    ],
    ['an empty one first', [zstdFrame(Buffer.alloc(0)), zstdFrame(ARCHIVE)]],
    ['an empty one between', [zstdFrame(FIRST), zstdFrame(Buffer.alloc(0)), zstdFrame(REST)]],
    ['an empty one last', [zstdFrame(ARCHIVE), zstdFrame(Buffer.alloc(0), { checksum: true })]],
    ['with a content size and no checksum', [zstdFrame(ARCHIVE, { contentSize: true })]],
    ['with a checksum and no content size', [zstdFrame(ARCHIVE, { checksum: true })]],
    ['with neither', [zstdFrame(ARCHIVE)]],
    ['with both', [zstdFrame(ARCHIVE, { contentSize: true, checksum: true })]],
    ['not compressed at all', [handFrame({ windowByte: 7 << 3, blocks: [raw(FIRST), raw(REST)] })]],
    [
      'skippable ones of all kinds between',
      [
        ...Array.from({ length: 16 }, (_, kind) => skippableFrame(Buffer.alloc(kind), kind)),
        zstdFrame(ARCHIVE),
        skippableFrame(Buffer.alloc(0), 15),
      ],
    ],
  ])('F111: of frames, %s', async (_, frames) => {
    await expectTree(makePlace(), Buffer.concat(frames), 1000)
  })
})

/** One frame with all its parts at known places: magic 0, header 4, blocks from 6, and a checksum last. */
const WHOLE = zstdFrame(ARCHIVE, { checksum: true })
const SKIPPABLE = skippableFrame(Buffer.alloc(10))

interface Cut {
  readonly where: string
  readonly bytes: Buffer
  readonly code?: string
}

const CUTS: readonly Cut[] = [
  ...[1, 2, 3].map((length) => ({
    where: `in the magic, after ${length}`,
    bytes: WHOLE.subarray(0, length),
  })),
  { where: 'after the magic', bytes: WHOLE.subarray(0, 4) },
  { where: 'in the frame header', bytes: WHOLE.subarray(0, 5) },
  { where: 'after the frame header', bytes: WHOLE.subarray(0, 6) },
  ...[7, 8].map((length) => ({
    where: `in a block header, after ${length}`,
    bytes: WHOLE.subarray(0, length),
  })),
  { where: 'after a block header', bytes: WHOLE.subarray(0, 9) },
  { where: 'in a block', bytes: WHOLE.subarray(0, 100) },
  ...[1, 2, 3, 4].map((less) => ({ where: `${less} bytes before the end`, bytes: WHOLE.subarray(0, -less) })),
  { where: 'in a skippable magic', bytes: SKIPPABLE.subarray(0, 2) },
  { where: 'in a skippable size', bytes: SKIPPABLE.subarray(0, 6) },
  { where: 'in a skippable frame', bytes: SKIPPABLE.subarray(0, 12) },
  { where: 'in a skippable frame after the first frame', bytes: framed.subarray(0, -1) },
  { where: 'between frames', bytes: zstdFrame(FIRST), code: 'CORRUPT_ARCHIVE' },
  {
    where: 'between frames, before the end',
    bytes: zstdFrame(tar(ENTRIES, { end: 'none' })),
    code: 'CORRUPT_ARCHIVE',
  },
]

describe('a stream that is cut off is no tree', () => {
  it.for(CUTS.map((row) => [row.where, row] as const))('F112: %s', async ([, { bytes, code }]) => {
    for (const pieceBytes of [1, 2 ** 30]) {
      const place = makePlace()
      const before = elsewhere(place)
      const stream = new BufferStream(bytes, { cuts: everyBytes(bytes.length, pieceBytes) })
      await expect(unpackInto(place, stream)).rejects.toMatchObject({ code: code ?? 'TRUNCATED' })
      expect(elsewhere(place)).toEqual(before)
      expect(stream.ended).toBe(true)
    }
  })
})

const WINDOW_2_GIB = 21 << 3

describe('a stream is refused', () => {
  it.each([
    ['garbage', Buffer.from('garbage'), 'CORRUPT_ZSTD'],
    ['zeros', Buffer.alloc(512), 'CORRUPT_ZSTD'],
    ['a newline', Buffer.from('\n'), 'TRUNCATED'],
    ['a whole other archive', zstdFrame(ARCHIVE), 'CORRUPT_ARCHIVE'],
  ])('F113: with %s after its last frame', async (_, garbage, code) => {
    const stream = new BufferStream(Buffer.concat([WHOLE, garbage]))
    await expect(unpackInto(makePlace(), stream)).rejects.toMatchObject({ code })
  })

  it('F115: for a window of 2 GiB, which it names', async () => {
    const blocks = [{ type: 'raw', content: ARCHIVE }] as const
    const bytes = handFrame({ windowByte: WINDOW_2_GIB, blocks })
    await expect(unpackInto(makePlace(), new BufferStream(bytes))).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringMatching(/2048 MiB; at most 128 MiB .* without --ultra and --long/),
    })
  })

  it('T90: of no bytes', async () => {
    await expect(unpackInto(makePlace(), new BufferStream(Buffer.alloc(0)))).rejects.toMatchObject({
      code: 'EMPTY_SNAPSHOT',
    })
  })
})

describe('a step that refuses a stream leaves everything as it was', () => {
  it.each([
    ['T90: of no bytes', Buffer.alloc(0), 'EMPTY_SNAPSHOT'],
    ['F112: that is cut off', WHOLE.subarray(0, -5), 'TRUNCATED'],
    ['F113: with garbage after it', Buffer.concat([WHOLE, Buffer.from('garbage')]), 'CORRUPT_ZSTD'],
    ['T91: of HTML', Buffer.from('<!DOCTYPE html>'.padEnd(600)), 'NOT_ZSTD'],
  ])('%s, through the whole step', async (_, bytes, code) => {
    const step = new Step()
    const before = step.state
    await expect(step.run(await serveArchive(bytes))).rejects.toMatchObject({ code })
    expect(step.state).toEqual(before)
  })
})
