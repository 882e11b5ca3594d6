import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { readAction } from '../scripts/action-yml.ts'
import type { ByteStream } from '../src/byte-stream.ts'
import { withDigest } from '../src/digest.ts'
import { parseInputs } from '../src/inputs.ts'
import type { Report } from '../src/report.ts'
import { restore } from '../src/restore.ts'
import { tarDirectory, zstdFrame } from './support/archive.ts'
import { startObjectServer } from './support/object-server.ts'
import { type ServedProject, serveProject } from './support/served-project.ts'
import { expectSameAsClone, listTree } from './support/working-copy.ts'

const action = readAction(readFileSync(join(import.meta.dirname, '..', 'action.yml'), 'utf8'))
const defaults = new Map(action.inputs.map((input) => [input.name, input.default ?? '']))

let project: ServedProject

beforeAll(async () => {
  project = await serveProject()
})
afterAll(() => project.close())
beforeEach(() => {
  project.fault = undefined
})

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'digest-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

type Texts = Readonly<Record<string, string>>

/** A step as a workflow with these inputs starts it. */
class Step {
  readonly workspace = temporary()
  readonly temp = temporary()

  run(texts: Texts): Promise<Report> {
    const given: Texts = {
      server: texts.url === undefined ? project.server.url : '',
      repository: 'octo/project',
      token: '',
      'github-server-url': 'https://github.com',
      'chunk-size': '64KiB',
      'on-miss': 'fail',
      ...texts,
    }
    const inputs = parseInputs((name) => given[name] ?? defaults.get(name) ?? '', {
      GITHUB_WORKSPACE: this.workspace,
    })
    return restore(inputs, {
      env: process.env,
      event: {
        name: 'push',
        ref: 'refs/heads/main',
        repository: 'octo/project',
        sha: project.snapshot.commit,
        payload: {},
      },
      temp: this.temp,
      signal: new AbortController().signal,
      log: () => {},
      warn: () => {},
      onCredentials: () => {},
      onStaging: () => {},
    })
  }

  /** The error of a step that leaves everything as it was. */
  async fail(texts: Texts): Promise<unknown> {
    writeFileSync(join(this.workspace, 'mine.txt'), 'mine')
    const before = listTree(this.workspace)
    const error = await this.run(texts).then(
      () => new Error('it did not fail'),
      (reason: unknown) => reason,
    )
    expect(listTree(this.workspace)).toEqual(before)
    expect(readdirSync(this.temp)).toEqual([])
    return error
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

async function serve(bytes: Buffer): Promise<string> {
  const server = await startObjectServer({ bytes })
  onTestFinished(() => server.close())
  return `${server.url}/snapshot.tar.zst`
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
      await expectSameAsClone(step.workspace, project.clone, 'https://github.com/octo/project')
    },
  )

  it('lets no other be restored, however whole it is, and says both digests', async () => {
    const sha256 = 'a'.repeat(64)
    const path = '/git/github.com/octo/project/snapshot.tar.zst'
    expect(await new Step().fail({ sha256 })).toMatchObject({
      code: 'DIGEST_MISMATCH',
      message:
        `${project.server.url}${path} has the SHA-256 digest ${digestOf(readFileSync(project.snapshot.file))}, ` +
        `but the input sha256 is ${sha256}: it is not the snapshot that was meant; ` +
        'update the input if it was replaced on purpose',
    })
  })

  it('F087: a bit that flipped where zstd has no checksum is found by the digest', async () => {
    const { sha256, bytes } = flippedSnapshot()
    const url = await serve(bytes)
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
    const url = await serve(zstdFrame(Buffer.alloc(4 * 1024 ** 2)))
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
