import { addressedSnapshot } from './addressed-snapshot.ts'
import type { ByteStream } from './byte-stream.ts'
import { cachedSnapshot } from './cached-snapshot.ts'
import { withDigest } from './digest.ts'
import type { DownloadOptions } from './download/download.ts'
import type { Target } from './git/wanted.ts'
import { HttpClient } from './http/client.ts'
import { Tracer } from './http/tracer.ts'
import type { Inputs } from './inputs.ts'
import type { Context } from './job.ts'
import type { StoreUse } from './kept-snapshot.ts'
import { PATIENCE, Patience } from './patience.ts'
import { Progress } from './progress.ts'
import type { Report } from './report.ts'
import { secretHeaders } from './request-headers.ts'
import type { Location } from './snapshot/locate.ts'
import type { OpenOptions, Snapshot } from './snapshot/open.ts'
import { SHORTCUT_LIMITS, type ShortcutOptions } from './snapshot/shortcut.ts'

/** A bundle and a word to the server, beside the download, whose connections are all in use. */
const SHORTCUT_CONNECTIONS = 2

/** What came of a snapshot. `bad`: its own bytes are to blame; `unsure`: something else is, or nobody knows. */
export type Verdict = 'good' | 'bad' | 'unsure'

/** A snapshot whose first reply is there. */
export interface Opened extends Pick<Snapshot, 'commit' | 'etag' | 'total' | 'modifiedMs'> {
  readonly source: Location['kind'] | 'store'
  /** How messages call it. */
  readonly place: string
  /** The bytes of its `tar.zst`, to be asked for once. */
  stream(): ByteStream
  /** Where it is there: to be told, once, what came of it. Says whether this machine has it then; never rejects. */
  readonly ended?: (verdict: Verdict) => Promise<'kept' | 'dropped'>
}

/** What the attempts of one restore share: the way to the snapshot's source, and what went over it. Close it. */
export class Session {
  readonly location: Location
  /** How the snapshot is asked for. */
  readonly requests: OpenOptions & DownloadOptions
  /** How the server is asked for what it has beside the snapshot. */
  readonly shortcuts: ShortcutOptions
  readonly progress: Progress
  readonly #inputs: Inputs
  readonly #context: Context
  readonly #client: HttpClient
  readonly #shortcutClient: HttpClient
  readonly #patience: Patience

  constructor(location: Location, inputs: Inputs, context: Context) {
    this.location = location
    this.#inputs = inputs
    this.#context = context
    const secrets = secretsFor(location, inputs)
    const tracer = context.debug === undefined ? undefined : new Tracer(context.debug)
    const client = { env: context.env, secrets, connectTimeoutMs: PATIENCE.connectTimeoutMs, tracer }
    this.#client = new HttpClient({ ...client, connections: inputs.concurrency })
    this.#shortcutClient = new HttpClient({ ...client, connections: SHORTCUT_CONNECTIONS })
    this.#patience = new Patience(inputs, context)
    this.progress = new Progress(this.#client.traffic, context.log)
    const { signal, stall, attemptsFor } = this.#patience
    this.requests = { ...inputs, ...PATIENCE, client: this.#client, signal, stall, attemptsFor }
    // The snapshot's time limit is not theirs: what they bring is needed after it is there.
    const { log, signal: cancelled } = context
    this.shortcuts = { client: this.#shortcutClient, stall, signal: cancelled, log, limits: SHORTCUT_LIMITS }
  }

  /** The signal ends what has not been read of the snapshot, too. */
  async open(target: Target, over: AbortSignal, use: StoreUse): Promise<Opened> {
    const { sha256 } = this.#inputs
    this.progress.begin()
    const opened = await this.#openSource(target, AbortSignal.any([this.requests.signal, over]), use)
    this.progress.total = opened.total
    if (opened.source === 'store') this.progress.end()
    if (sha256 === undefined) return opened
    const { place } = opened
    return { ...opened, stream: () => withDigest(opened.stream(), { sha256, place }) }
  }

  /** What went over the wire so far. */
  get traffic(): Pick<Report, 'bytes' | 'requests' | 'retries' | 'repeats'> {
    const [snapshot, shortcuts] = [this.#client.traffic, this.#shortcutClient.traffic]
    return {
      bytes: snapshot.bytes + shortcuts.bytes,
      requests: snapshot.requests + shortcuts.requests,
      retries: this.#patience.retried,
      repeats: this.#patience.repeats,
    }
  }

  async close(): Promise<void> {
    this.#patience.end()
    this.progress.end()
    await Promise.all([this.#client.close(), this.#shortcutClient.close()])
  }

  async #openSource(target: Target, signal: AbortSignal, use: StoreUse): Promise<Opened> {
    const requests = { ...this.requests, attemptsFor: this.#patience.discoveryAttempts, signal }
    const { location } = this
    if (location.kind === 'actions-cache') {
      const service = { ...location, client: this.#client, download: this.requests }
      return cachedSnapshot(target, { ...service, requests, inputs: this.#inputs, context: this.#context })
    }
    const [inputs, context] = [this.#inputs, this.#context]
    return addressedSnapshot(location, { requests, download: this.requests, inputs, context, use })
  }
}

/** What may be said to whom: the inputs' headers are for their server, the job's token for the cache service. */
export function secretsFor(
  location: Location,
  inputs: Pick<Inputs, 'authorization' | 'headers'>,
): { origin: string; headers: Readonly<Record<string, string>> } {
  if (location.kind === 'actions-cache') return location.service.secrets
  return { origin: location.url.origin, headers: secretHeaders(inputs) }
}
