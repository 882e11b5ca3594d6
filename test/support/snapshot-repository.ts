import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { type PzstdOptions, pzstd, tarDirectory } from './archive.ts'
import { ColdSnapshot } from './cold-snapshot.ts'
import { git, gitBytes } from './git-repo.ts'
import { lfsTar } from './lfs-upstream.ts'
import type { Reply } from './scripted-server.ts'
import {
  type Answer,
  answerFor,
  bytesObject,
  fileObject,
  type Headers,
  type StoredObject,
  textAnswer,
} from './stored-object.ts'

export type Snapshot = {
  readonly commit: string
  readonly etag: string
  readonly bytes: number
  readonly file: string
}

export type RepositoryOptions = PzstdOptions & {
  /** Where the bare repositories are, `<upstreams>/<host>/<owner>/<name>.git`. They are the mirrors too. */
  readonly upstreams: string
}

/** One repository: its upstream, its cached snapshot, and a generation while one is going on. */
export class SnapshotRepository {
  readonly #name: string
  readonly #directory: string
  readonly #options: RepositoryOptions
  #cached: (Snapshot & { readonly object: StoredObject }) | undefined
  #lfs: Buffer | undefined
  #cold: ColdSnapshot | undefined
  readonly #running = new Set<Promise<unknown>>()

  constructor(name: string, directory: string, options: RepositoryOptions) {
    this.#name = name
    this.#directory = directory
    this.#options = options
  }

  get #upstream(): string {
    return join(this.#options.upstreams, `${this.#name}.git`)
  }

  evict(): void {
    this.#cached = undefined
  }

  /** Waits for what still runs, whatever came of it. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running)
  }

  generate(): Promise<Snapshot> {
    return this.#track(this.#generate(() => {}))
  }

  async generateLfs(): Promise<void> {
    this.#lfs = await buffer(pzstd(await lfsTar(this.#upstream), this.#options))
  }

  /** Always all of it: Cachew takes no condition here, and promises no ranges. */
  lfsSnapshot(): Answer {
    if (this.#lfs === undefined) return textAnswer(404, 'LFS snapshot not found\n')
    const headers = { 'content-type': 'application/zstd', 'content-length': String(this.#lfs.length) }
    return { status: 200, headers, body: [this.#lfs] }
  }

  head({ headers: asked }: IncomingMessage): Answer {
    if (this.#cached === undefined) return textAnswer(404, 'Snapshot not cached\n')
    const { commit, etag, bytes, object } = this.#cached
    const { range: _, ...conditions } = asked as Record<string, string>
    const { status } = answerFor(object, conditions)
    const headers = { etag, 'content-length': String(bytes), 'x-cachew-snapshot-commit': commit }
    return { status, headers: { 'content-type': 'application/zstd', ...headers } }
  }

  async snapshot(cold: 'generate' | 'not-found'): Promise<Reply> {
    const mirrorHead = await this.#head()
    if (mirrorHead === undefined) return textAnswer(503, 'Repository unavailable\n')
    const cached = this.#cached
    if (cached !== undefined) return { object: this.#withBundle(cached, mirrorHead) }
    if (cold === 'generate') return this.#coldAnswer()
    return textAnswer(404, 'Snapshot not found\n', { 'cache-control': 'no-store' })
  }

  async bundle(base: string): Promise<Reply> {
    if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(base)) return textAnswer(400, 'bad base\n')
    const head = await this.#head()
    if (head === undefined) return textAnswer(503, 'Repository unavailable\n')
    if (head === base) return { status: 204, headers: {} }
    try {
      const branch = await git(this.#upstream, 'symbolic-ref', 'HEAD')
      const bundle = await gitBytes(this.#upstream, ['bundle', 'create', '--quiet', '-', branch, `^${base}`])
      return {
        object: bytesObject(bundle, `"${base}-${head}"`, { 'content-type': 'application/x-git-bundle' }),
      }
    } catch {
      return textAnswer(404, 'Bundle not available\n')
    }
  }

  /** The mirror is the upstream itself, so a fetch finds nothing new; it is reported all the same. */
  async ensureRefs(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'POST') return textAnswer(405, 'method not allowed\n')
    const wanted = parseRefs(await text(request))
    if (wanted === undefined) return textAnswer(400, 'invalid request body\n')
    const { refs, commits } = wanted
    if (Object.keys(refs).length === 0 && commits.length === 0) {
      return textAnswer(400, 'at least one of refs or commits must be provided\n')
    }
    if ((await this.#head()) === undefined) return textAnswer(502, 'clone not ready\n')
    const found = await Promise.all(
      Object.keys(refs).map(async (ref) => [ref, await this.#resolve(ref)] as const),
    )
    const present = await Promise.all(commits.map((commit) => this.#resolve(`${commit}^{commit}`)))
    const missing = commits.filter((_, index) => present[index] === '')
    const fetched = missing.length > 0 || found.some(([ref, sha]) => sha === '' || (refs[ref] || sha) !== sha)
    const body = JSON.stringify({ refs: Object.fromEntries(found), missing_commits: missing, fetched })
    return textAnswer(200, body, { 'content-type': 'application/json' })
  }

  #withBundle(
    { object, commit }: { object: StoredObject; commit: string },
    mirrorHead: string,
  ): StoredObject {
    if (commit === mirrorHead) return object
    const bundle = `/git/${this.#name}/snapshot.bundle?base=${commit}`
    return { ...object, headers: { ...object.headers, 'x-cachew-bundle-url': bundle } }
  }

  /** Streams the archive while it is made; requests that come meanwhile follow the same generation. */
  async #coldAnswer(): Promise<Answer> {
    const cold = this.#cold ?? this.#startCold()
    await cold.started
    return { status: 200, headers: archiveHeaders, body: cold.follow() }
  }

  #startCold(): ColdSnapshot {
    const cold = new ColdSnapshot()
    this.#cold = cold
    const generation = this.#generate((piece) => cold.add(piece)).finally(() => {
      this.#cold = undefined
    })
    generation.then(
      () => cold.end(),
      (error) => cold.end(error),
    )
    this.#track(generation)
    return cold
  }

  async #generate(onPiece: (piece: Buffer) => void): Promise<Snapshot> {
    const id = randomUUID()
    const clone = join(this.#directory, `${id}.clone`)
    const file = join(this.#directory, `${id}.tar.zst`)
    try {
      await git(this.#directory, 'clone', '--quiet', this.#upstream, clone)
      await git(clone, 'remote', 'set-url', 'origin', `https://${this.#name}`)
      const commit = await git(clone, 'rev-parse', 'HEAD')
      const pieces = watched(pzstd(tarDirectory(clone), this.#options), onPiece)
      await pipeline(pieces, createWriteStream(file))
      const { size, mtime } = await stat(file)
      const etag = `"${id}"`
      const headers = {
        ...archiveHeaders,
        'last-modified': mtime.toUTCString(),
        'x-cachew-snapshot-commit': commit,
      }
      this.#cached = { commit, etag, bytes: size, file, object: fileObject(file, etag, headers) }
      return { commit, etag, bytes: size, file }
    } finally {
      await rm(clone, { recursive: true, force: true })
    }
  }

  async #head(): Promise<string | undefined> {
    return (await this.#resolve('HEAD')) || undefined
  }

  /** The object's name, or an empty string when there is none. */
  #resolve(revision: string): Promise<string> {
    return git(this.#upstream, 'rev-parse', '--verify', '--quiet', '--end-of-options', revision).catch(
      () => '',
    )
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work)
    work.catch(() => {}).finally(() => this.#running.delete(work))
    return work
  }
}

const archiveHeaders: Headers = {
  'content-type': 'application/zstd',
  'content-disposition': 'attachment; filename="repo.tar.zst"',
}

async function* watched(
  pieces: AsyncIterable<Buffer>,
  onPiece: (piece: Buffer) => void,
): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    onPiece(piece)
    yield piece
  }
}

type WantedRefs = { readonly refs: Readonly<Record<string, string>>; readonly commits: readonly string[] }

function parseRefs(body: string): WantedRefs | undefined {
  try {
    const { refs = {}, commits = [] } = JSON.parse(body) as Partial<WantedRefs>
    return { refs, commits }
  } catch {
    return undefined
  }
}
