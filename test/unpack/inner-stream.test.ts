import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode } from '../../src/unpack/decode.ts'
import type { Contents } from '../archives/cases.ts'
import { expectedListing, makePlace, unpackInto } from '../archives/place.ts'
import { pzstd, tar, tarZst, zstdFrame } from '../support/archive.ts'
import { skipWithout } from '../support/programs.ts'
import { temporary } from '../support/temporary.ts'
import { LARGE_PLAIN, MIB } from './decoded-frames.ts'
import { anyCuts, BufferStream, everyBytes, listing, pieces, sampleBytes } from './fixture.ts'
import { inner, NAME, read, wrapped } from './inner-archive.ts'

/** What a decoder gives at a time. */
const DECODED_BYTES = 320 * 1024
const CONTENT = sampleBytes(3 * MIB)

async function expectContent(outer: Buffer, content: Buffer, cuts: readonly number[]): Promise<void> {
  for (const memory of ['whole', 'pieces'] as const) {
    const stream = new BufferStream(outer, { cuts, memory, holdBytes: 0 })
    const found = await read(inner(stream), MIB / 2)
    expect(found.length).toBe(content.length)
    expect(found.equals(content)).toBe(true)
    expect(stream.released).toBe(outer.length)
    expect(stream.ended).toBe(true)
  }
}

/** A directory that holds the file. */
function filed(content: Buffer): string {
  const directory = temporary()
  writeFileSync(join(directory, NAME), content)
  return directory
}

describe('the file in an archive', () => {
  it.for(['zstd', 'zstdmt', 'zstd -1', 'zstd -12', 'zstd --no-check', 'zstd --long=27', 'pzstd -q'])(
    'comes out as it went in through tar and %s',
    async (command, context) => {
      const [program = '', ...options] = command.split(' ')
      skipWithout(context, 'tar', program)
      const input = execFileSync('tar', ['-cf', '-', NAME], { cwd: filed(CONTENT), maxBuffer: 2 ** 28 })
      const outer = execFileSync(program, [...options, '-c'], { input, maxBuffer: 2 ** 28 })
      await expectContent(outer, CONTENT, everyBytes(outer.length, 65_536))
    },
  )

  it('comes out as it went in through the command that actions/cache runs', async (context) => {
    skipWithout(context, 'tar', 'zstdmt')
    const [directory, place] = [filed(CONTENT), temporary()]
    const manifest = join(place, 'manifest.txt')
    writeFileSync(manifest, `${NAME}\n`)
    const options = ['--exclude', 'cache.tzst', '-P', '-C', directory, '--files-from', manifest]
    const args = ['--posix', '-cf', '-', ...options, '--use-compress-program', 'zstdmt']
    const outer = execFileSync('tar', args, { cwd: place, maxBuffer: 2 ** 28 })
    await expectContent(outer, CONTENT, everyBytes(outer.length, 65_536))
  })

  it.for([
    ['.', `./${NAME}`],
    ['above', `above/${NAME}`],
  ] as const)('may have the directory %s, which is above it, before it', async ([above, path], context) => {
    skipWithout(context, 'tar')
    const directory = temporary()
    mkdirSync(join(directory, above), { recursive: true })
    writeFileSync(join(directory, path), CONTENT)
    const archive = execFileSync('tar', ['-cf', '-', above], { cwd: directory, maxBuffer: 2 ** 28 })
    const found = await read(inner(new BufferStream(zstdFrame(archive)), { path }))
    expect(found.equals(CONTENT)).toBe(true)
  })

  it('may be empty', async () => {
    const outer = wrapped(Buffer.alloc(0))
    await expectContent(outer, Buffer.alloc(0), everyBytes(outer.length, 1))
  })

  it('comes out of pieces of one byte', async () => {
    const content = sampleBytes(1500)
    const outer = wrapped(content)
    await expectContent(outer, content, everyBytes(outer.length, 1))
  })

  it('comes out wherever the archive is cut, into frames too, whatever is kept and held back', async () => {
    const sizes = fc
      .tuple(fc.integer({ min: 1, max: 700 }), fc.nat(4), fc.constantFrom(-1, 0, 1, 511, 512))
      .map(([capacityBytes, times, more]) => ({
        capacityBytes,
        size: Math.max(0, capacityBytes * times + more),
      }))
    const run = fc.record({
      sizes,
      frames: anyCuts(4096, 3),
      cuts: anyCuts(4096, 30),
      held: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    await fc.assert(
      fc.asyncProperty(run, async ({ sizes: { capacityBytes, size }, frames, cuts, held }) => {
        const content = sampleBytes(size)
        const archive = tar([{ name: NAME, body: content }])
        const outer = Buffer.concat(
          pieces(archive, frames).map((piece) => zstdFrame(piece, { checksum: true })),
        )
        const within = cuts.filter((cut) => cut <= outer.length)
        const stream = inner(new BufferStream(outer, { cuts: within, holdBytes: 0 }), { capacityBytes })
        const found = await read(stream, Math.floor(held * stream.holdBytes))
        expect(found.equals(content)).toBe(true)
      }),
      { seed: 20251122 },
    )
  })

  it.each([-1, 0, 1])(
    'comes out where it ends %i bytes behind what a decoder gives at a time',
    async (more) => {
      for (const capacityBytes of [DECODED_BYTES - 1, DECODED_BYTES, 2 * DECODED_BYTES + 1]) {
        const content = LARGE_PLAIN.subarray(0, 4 * DECODED_BYTES - 512 + more)
        const outer = wrapped(content)
        const stream = new BufferStream(outer, { cuts: everyBytes(outer.length, 100_000), holdBytes: 0 })
        const found = await read(inner(stream, { capacityBytes }), capacityBytes / 2)
        expect(found.equals(content)).toBe(true)
      }
    },
  )

  it('lies in memory side by side, up to where that goes round', async () => {
    const stream = inner(new BufferStream(wrapped(CONTENT)), { capacityBytes: 2 * MIB })
    let [end, laps] = [0, 0]
    let start: number | undefined
    for await (const { byteOffset, length } of stream) {
      start ??= byteOffset
      expect(byteOffset - start).toBe(end % (2 * MIB))
      if (byteOffset === start) laps += 1
      end += length
      stream.release(end)
    }
    expect(end).toBe(CONTENT.length)
    expect(laps).toBe(2)
  })

  it('takes no more of the archive than is read of it, and all that may be held back', async () => {
    const outer = wrapped(LARGE_PLAIN)
    const stream = new BufferStream(outer, { cuts: everyBytes(outer.length, 65_536) })
    const content = inner(stream)
    let end = 0
    for await (const { length } of content) {
      end += length
      expect(stream.delivered).toBeLessThan(end + 3 * MIB)
      content.release(end - content.holdBytes)
    }
    expect(end).toBe(LARGE_PLAIN.length)
  })
})

describe('an archive in an archive', () => {
  it('is decoded as it is by itself, whatever is kept of it', async () => {
    const plain = LARGE_PLAIN.subarray(0, 9 * MIB)
    const outer = wrapped(await buffer(pzstd(plain, { frameBytes: MIB })))
    for (const capacityBytes of [1000, 1_500_000, 5 * MIB, 32 * MIB]) {
      const stream = new BufferStream(outer, { cuts: everyBytes(outer.length, 300_000), holdBytes: 0 })
      const blocks: Buffer[] = []
      for await (const block of decode(inner(stream, { capacityBytes }), { concurrency: 2 })) {
        blocks.push(Buffer.concat([block]))
      }
      expect(Buffer.concat(blocks).equals(plain)).toBe(true)
      expect(stream.released).toBe(outer.length)
    }
  })

  it('is unpacked as it is by itself', async () => {
    const contents: Contents = {
      large: sampleBytes(MIB).toString('latin1'),
      'b/': { kind: 'directory' },
      'b/run': { kind: 'executable', content: 'x' },
      link: { kind: 'symlink', target: 'large' },
    }
    const archive = await tarZst([
      { name: './', type: 'directory' },
      { name: './large', body: sampleBytes(MIB) },
      { name: './b/run', body: 'x', mode: 0o755 },
      { name: './link', type: 'symlink', linkname: 'large' },
    ])
    const outer = wrapped(archive)
    const place = makePlace()
    await unpackInto(place, inner(new BufferStream(outer, { cuts: everyBytes(outer.length, 50_000) })))
    expect(Object.fromEntries(listing(place.tree))).toEqual(expectedListing(contents, place))
  })

  it('that is empty is an empty snapshot', async () => {
    const result = unpackInto(makePlace(), inner(new BufferStream(wrapped(Buffer.alloc(0)))))
    await expect(result).rejects.toMatchObject({ code: 'EMPTY_SNAPSHOT' })
  })
})
