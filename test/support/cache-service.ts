import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import type { BlobStore } from './azurite.ts'
import { type FaultScript, type Reply, type ScriptedServer, startScriptedServer } from './scripted-server.ts'
import { textAnswer } from './stored-object.ts'

export type CacheServiceOptions = {
  /** Where the entries' bytes are. */
  readonly store: BlobStore
  readonly fault?: FaultScript
}

/** What was saved under a key, in a version that its paths and its compression make. */
export type SavedEntry = { readonly key: string; readonly version: string; readonly blob: string }

export type CacheService = ScriptedServer & {
  /** What the runner gives to actions of a job, so that they find the service. */
  readonly env: Readonly<Record<string, string>>
  /** The oldest first. */
  readonly entries: SavedEntry[]
  /** The bodies of requests. */
  readonly asked: Question[]
  /** Takes an entry in as if it were saved; gives the name of its blob, which is for the caller to put. */
  readonly save: (entry: Omit<SavedEntry, 'blob'>) => string
  /** What the job's token lets it do. */
  grants: 'write' | 'read' | 'nothing'
  /** How long addresses are signed for. */
  lifetimeMs: number
}

type Question = {
  readonly key: string
  readonly version: string
  readonly restore_keys?: readonly string[]
  readonly size_bytes?: string
}

type Method = (question: Question) => Reply

const SERVICE = '/twirp/github.actions.results.api.v1.CacheService/'
const TOKEN = 'runt1me-s3cret'

/**
 * The cache service of GitHub for one job, in front of a blob store. An entry is found by its version and its whole
 * key, or else the newest whose key begins with what is asked for. Of which branch a job saved it makes no difference
 * here: GitHub looks for all of that on the job's own branch first, then on the default branch.
 */
export async function startCacheService({ store, fault }: CacheServiceOptions): Promise<CacheService> {
  const desk = new Desk(store)
  const server = await startScriptedServer((request) => desk.serve(request), fault)
  const env = {
    ACTIONS_RESULTS_URL: `${server.url}/`,
    ACTIONS_RUNTIME_TOKEN: TOKEN,
    ACTIONS_CACHE_SERVICE_V2: 'true',
  }
  return Object.assign(desk, server, { env })
}

class Desk {
  readonly entries: SavedEntry[] = []
  readonly asked: Question[] = []
  grants: CacheService['grants'] = 'write'
  lifetimeMs = 600_000
  readonly #store: BlobStore
  readonly #reserved: SavedEntry[] = []
  readonly #methods: Readonly<Record<string, Method>> = {
    CreateCacheEntry: (question) => this.#create(question),
    FinalizeCacheEntryUpload: (question) => this.#finalize(question),
    GetCacheEntryDownloadURL: (question) => this.#lookUp(question),
  }

  constructor(store: BlobStore) {
    this.#store = store
  }

  async serve(request: IncomingMessage): Promise<Reply> {
    const path = request.url ?? ''
    const method = path.startsWith(SERVICE) ? this.#methods[path.slice(SERVICE.length)] : undefined
    if (method === undefined || request.method !== 'POST') return failure(404, 'bad_route', 'no such method')
    if (request.headers.authorization !== `Bearer ${TOKEN}`) {
      return failure(401, 'unauthenticated', 'invalid token')
    }
    const question = (await json(request)) as Question
    this.asked.push(question)
    const keys = [question.key, ...(question.restore_keys ?? [])]
    if (keys.length > 10 || keys.some((key) => key.length > 512 || key.includes(','))) {
      return failure(400, 'invalid_argument', 'invalid key')
    }
    return method(question)
  }

  save(entry: Omit<SavedEntry, 'blob'>): string {
    const blob = randomUUID()
    this.entries.push({ ...entry, blob })
    return blob
  }

  #create({ key, version }: Question): Reply {
    if (this.grants !== 'write') return answer({ ok: false, message: 'cache write denied: read-only token' })
    const isTaken = [...this.entries, ...this.#reserved].some(isEntry(key, version))
    if (isTaken) return failure(409, 'already_exists', 'cache entry with the same key and version exists')
    const blob = randomUUID()
    this.#reserved.push({ key, version, blob })
    return answer({ ok: true, signed_upload_url: this.#store.sign(blob, 'cw', this.lifetimeMs) })
  }

  #finalize({ key, version }: Question): Reply {
    const entry = this.#reserved.find(isEntry(key, version))
    if (entry === undefined) return answer({ ok: false, message: 'no such upload' })
    this.entries.push(entry)
    return answer({ ok: true, entry_id: String(this.entries.length) })
  }

  #lookUp({ key, restore_keys: restoreKeys = [], version }: Question): Reply {
    if (this.grants === 'nothing') return failure(403, 'permission_denied', 'cache read denied: no scopes')
    const newestFirst = this.entries.filter((entry) => entry.version === version).reverse()
    const found = [
      newestFirst.find((entry) => entry.key === key),
      ...[key, ...restoreKeys].map((text) => newestFirst.find((entry) => entry.key.startsWith(text))),
    ].find((entry) => entry !== undefined)
    if (found === undefined) return answer({ ok: false, signed_download_url: '', matched_key: '' })
    const address = this.#store.sign(found.blob, 'r', this.lifetimeMs)
    return answer({ ok: true, signed_download_url: address, matched_key: found.key })
  }
}

function isEntry(key: string, version: string): (entry: SavedEntry) => boolean {
  return (entry) => entry.key === key && entry.version === version
}

function answer(body: object): Reply {
  return textAnswer(200, JSON.stringify(body), { 'content-type': 'application/json' })
}

function failure(status: number, code: string, msg: string): Reply {
  return textAnswer(status, JSON.stringify({ code, msg }), { 'content-type': 'application/json' })
}
