import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ByteStream } from '../../src/byte-stream.ts'
import type { Report } from '../../src/report/report.ts'
import { restore } from '../../src/restore.ts'
import { withDigest } from '../../src/source/digest.ts'
import { tarDirectory, zstdFrame } from '../support/archive.ts'
import { failureOf } from '../support/failing-step.ts'
import { contextOf, inputsOf } from '../support/restore-arguments.ts'
import { serveArchive } from '../support/served-archive.ts'
import { useServedProject } from '../support/served-project.ts'
import { temporary } from '../support/temporary.ts'
import { expectSameAsClone } from '../support/working-copy.ts'

const project = useServedProject()

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

type Texts = Readonly<Record<string, string>>

/** A step as a workflow with these inputs starts it. */
class Step {
  readonly workspace = temporary()
  readonly temp = temporary()

  run(texts: Texts): Promise<Report> {
    const server = texts.url === undefined ? project.server.url : ''
    const inputs = inputsOf(this.workspace, { server, 'chunk-size': '64KiB', 'on-miss': 'fail', ...texts })
    return restore(inputs, contextOf(project.snapshot.commit, { temp: this.temp }))
  }

  /** The error of a step that leaves everything as it was. */
  fail(texts: Texts): Promise<unknown> {
    writeFileSync(join(this.workspace, 'mine.txt'), 'mine')
    return failureOf(this, () => this.run(texts))
  }
}

/** An archive of the project in which a bit of one file is wrong and no checksum of zstd's tells it. */
function flippedSnapshot(): { readonly sha256: string; readonly bytes: Buffer } {
  const tar = Buffer.concat([...tarDirectory(project.clone)])
  const words = 'export const answer = 42'
  const at = tar.indexOf(words)
  expect(at).toBeGreaterThan(0)
  const sha256 = digestOf(zstdFrame(tar))
  tar.write(words.replace('42', '43'), at)
  return { sha256, bytes: zstdFrame(tar) }
}

describe('the input sha256', () => {
  it.each(['1', '8'])(
    'lets the snapshot that it names be restored, with concurrency %s',
    async (concurrency) => {
      const sha256 = digestOf(readFileSync(project.snapshot.file))
      const step = new Step()
      expect(await step.run({ concurrency, sha256: sha256.toUpperCase() })).toMatchObject({
        outcome: 'restored',
      })
      await expectSameAsClone(step.workspace, project.clone)
    },
  )

  it('lets no other be restored, however whole it is, and says both digests', async () => {
    const sha256 = 'a'.repeat(64)
    const path = '/git/github.com/octo/project/snapshot.tar.zst'
    expect(await new Step().fail({ sha256 })).toMatchObject({
      code: 'DIGEST_MISMATCH',
      message:
        `No snapshot of octo/project was restored: ${project.server.url}${path} has the SHA-256 digest ${digestOf(readFileSync(project.snapshot.file))}, ` +
        `but the input sha256 is ${sha256}: it is not the snapshot that was meant; ` +
        'update the input if it was replaced on purpose. The step fails, since on-miss is fail',
    })
  })

  it('F087: a bit that flipped where zstd has no checksum is found by the digest', async () => {
    const { sha256, bytes } = flippedSnapshot()
    const url = await serveArchive(bytes)
    expect(await new Step().run({ url })).toMatchObject({ outcome: 'restored' })
    expect(await new Step().fail({ url, sha256 })).toMatchObject({ code: 'DIGEST_MISMATCH' })
  })

  it('is asked of both attempts where the snapshot is replaced meanwhile', async () => {
    let isReplaced = false
    project.fault = ({ start }) => {
      if (isReplaced || start === 0) return undefined
      isReplaced = true
      return { status: 412 }
    }
    const sha256 = digestOf(readFileSync(project.snapshot.file))
    expect(await new Step().run({ sha256 })).toMatchObject({ outcome: 'restored' })
    expect(isReplaced).toBe(true)
  })
})

describe('what a snapshot may unpack to', () => {
  it('T94: more entries than max-entries are refused', async () => {
    expect(await new Step().fail({ 'max-entries': '20' })).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining('more than 20 entries'),
    })
  })

  it('F116: more bytes than max-unpacked-bytes are refused before they are written', async () => {
    const url = await serveArchive(zstdFrame(Buffer.alloc(4 * 1024 ** 2)))
    expect(await new Step().fail({ url, 'max-unpacked-bytes': '1MiB' })).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining(`more than ${1024 ** 2} bytes`),
    })
  })
})

/** A stream of pieces that tells what was asked of it. */
class Pieces implements ByteStream {
  readonly holdBytes = 12
  readonly calls: unknown[] = []
  readonly #pieces: readonly string[]

  constructor(pieces: readonly string[]) {
    this.#pieces = pieces
  }

  release(upTo: number): void {
    this.calls.push(['release', upTo])
  }

  cancel(reason: unknown): void {
    this.calls.push(['cancel', reason])
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (const piece of this.#pieces) {
        if (piece === 'broken') throw new Error('broken')
        yield Buffer.from(piece)
      }
    } finally {
      this.calls.push('ended')
    }
  }
}

describe('a stream with a digest', () => {
  const expected = { sha256: digestOf(Buffer.from('one two')), place: 'here' }

  it('gives the same pieces and takes the same calls', async () => {
    const pieces = new Pieces(['one', ' ', '', 'two'])
    const stream = withDigest(pieces, expected)
    const read = await Array.fromAsync(stream, (bytes) => Buffer.from(bytes).toString())
    stream.release(3)
    stream.cancel('why')
    expect(read).toEqual(['one', ' ', '', 'two'])
    expect(pieces.calls).toEqual(['ended', ['release', 3], ['cancel', 'why']])
    expect(stream.holdBytes).toBe(12)
  })

  it('ends with the error of the stream where that has one', async () => {
    await expect(Array.fromAsync(withDigest(new Pieces(['one', 'broken']), expected))).rejects.toThrow(
      'broken',
    )
  })

  it('has no digest of what nobody read to its end, and ends the stream', async () => {
    const pieces = new Pieces(['one', 'two'])
    for await (const _ of withDigest(pieces, expected)) break
    expect(pieces.calls).toEqual(['ended'])
  })

  it.each([[['one two', '!']], [['one', 'two']], [[]]])('throws at the end of %j', async (texts) => {
    await expect(Array.fromAsync(withDigest(new Pieces(texts), expected))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    })
  })
})
