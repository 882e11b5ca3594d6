import type { DownloadOptions } from './download/download.ts'
import { HttpClient } from './http/client.ts'
import type { Inputs } from './inputs.ts'
import type { Context } from './job.ts'
import { PATIENCE, Patience } from './patience.ts'
import { Progress } from './progress.ts'
import type { Report } from './report.ts'
import { secretHeaders } from './request-headers.ts'
import type { Location } from './snapshot/locate.ts'
import { type OpenOptions, openSnapshot, type Snapshot } from './snapshot/open.ts'
import { SHORTCUT_LIMITS, type ShortcutOptions } from './snapshot/shortcut.ts'

/** A bundle and a word to the server, beside the download, whose connections are all in use. */
const SHORTCUT_CONNECTIONS = 2

/** What the attempts of one restore share: the way to the snapshot's source, and what went over it. Close it. */
export class Session {
  readonly location: Location
  /** How the snapshot is asked for. */
  readonly requests: OpenOptions & DownloadOptions
  /** How the server is asked for what it has beside the snapshot. */
  readonly shortcuts: ShortcutOptions
  readonly progress: Progress
  readonly #client: HttpClient
  readonly #shortcutClient: HttpClient
  readonly #patience: Patience

  constructor(location: Location, inputs: Inputs, context: Context) {
    this.location = location
    const client = {
      env: context.env,
      secrets: { origin: location.url.origin, headers: secretHeaders(inputs) },
      connectTimeoutMs: PATIENCE.connectTimeoutMs,
    }
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
  async open(over: AbortSignal): Promise<Snapshot> {
    const attemptsFor = this.#patience.discoveryAttempts
    const signal = AbortSignal.any([this.requests.signal, over])
    const snapshot = await openSnapshot(this.location.url, { ...this.requests, attemptsFor, signal })
    this.progress.total = snapshot.total
    return snapshot
  }

  /** What went over the wire so far. */
  get traffic(): Pick<Report, 'bytes' | 'requests' | 'retries'> {
    const [snapshot, shortcuts] = [this.#client.traffic, this.#shortcutClient.traffic]
    return {
      bytes: snapshot.bytes + shortcuts.bytes,
      requests: snapshot.requests + shortcuts.requests,
      retries: this.#patience.retried,
    }
  }

  async close(): Promise<void> {
    this.#patience.end()
    this.progress.end()
    await Promise.all([this.#client.close(), this.#shortcutClient.close()])
  }
}
