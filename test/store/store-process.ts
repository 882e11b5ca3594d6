import { createHash } from 'node:crypto'
import type { ByteStream } from '../../src/byte-stream.ts'
import { Store } from '../../src/store/store.ts'
import { contentOf, lengthOf } from './content.ts'
import { toolCacheIn } from './tool-cache.ts'

/** What the program does, in this order. */
export type Task =
  | { readonly does: 'find'; readonly name: string }
  /** The content of a seed, which is its ETag too. */
  | { readonly does: 'record'; readonly name: string; readonly seed: number }

/** What it says, in lines. */
export type Said =
  | { readonly said: 'piece' | 'missing' | 'kept' | 'dropped' }
  | { readonly said: 'log'; readonly line: string }
  | { readonly said: 'found'; readonly etag: string | undefined; readonly sha256: string }

const PIECE_BYTES = 2000

function say(said: Said): void {
  process.stdout.write(`${JSON.stringify(said)}\n`)
}

async function find(store: Store, name: string): Promise<Said> {
  const stored = await store.find(name)
  if (stored === undefined) return { said: 'missing' }
  const hash = createHash('sha256')
  const stream = stored.stream(new AbortController().signal)
  let at = 0
  for await (const piece of stream) {
    hash.update(piece)
    at += piece.length
    stream.release(at)
  }
  await stored.close()
  return { said: 'found', etag: stored.facts.etag, sha256: hash.digest('hex') }
}

async function record(store: Store, name: string, seed: number): Promise<Said> {
  const bytes = contentOf(seed, lengthOf(seed))
  const recorder = store.recorder({ name, etag: `"${seed}"`, commit: undefined, bytes: bytes.length })
  for await (const _ of recorder.tee(streamOf(bytes))) say({ said: 'piece' })
  return { said: await recorder.commit() }
}

function streamOf(bytes: Buffer): ByteStream {
  return {
    holdBytes: bytes.length,
    release: () => {},
    cancel: () => {},
    async *[Symbol.asyncIterator]() {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        yield bytes.subarray(at, at + PIECE_BYTES)
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

if (process.argv[1] === import.meta.filename) {
  const [, , directory = '', maxBytes, tasks = ''] = process.argv
  const store = new Store({
    directory,
    arch: 'x64',
    toolCache: toolCacheIn(directory),
    maxBytes: Number(maxBytes),
    spareBytes: 0,
    now: Date.now,
    log: (line) => say({ said: 'log', line }),
  })
  for (const task of JSON.parse(tasks) as readonly Task[]) {
    say(await (task.does === 'find' ? find(store, task.name) : record(store, task.name, task.seed)))
  }
}
