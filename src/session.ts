import type { DownloadOptions } from './download/download.ts'
import { HttpClient } from './http/client.ts'
import type { Inputs } from './inputs.ts'
import { PATIENCE, Patience } from './patience.ts'
import { Progress } from './progress.ts'
import type { Report } from './report.ts'
import { secretHeaders } from './request-headers.ts'
import { locate } from './snapshot/locate.ts'
import type { OpenOptions } from './snapshot/open.ts'
import { Timing } from './timing.ts'

/** What a restore may use of the world around it. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The runner's temporary directory. */
  readonly temp: string
  /** Aborted, the restore ends and leaves the destination as it was. */
  readonly signal: AbortSignal
  readonly log: (line: string) => void
  /** Told where staging is to be, before it is there; see StagingOptions. */
  readonly onStaging: (root: string) => void
}

/** What the attempts of one restore share: where the snapshot is, the way there, and what is measured. Close it. */
export class Session {
  readonly inputs: Inputs
  readonly context: Context
  /** Where the snapshot is. */
  readonly url: URL
  /** How it is asked for. */
  readonly requests: OpenOptions & DownloadOptions
  readonly timing = new Timing<'open' | 'restore' | 'settle'>()
  readonly progress: Progress
  readonly #source: Report['source']
  readonly #client: HttpClient
  readonly #patience: Patience
  readonly #began = performance.now()

  constructor(inputs: Inputs, context: Context) {
    const location = locate(inputs)
    this.inputs = inputs
    this.context = context
    this.url = location.url
    this.#source = location.kind
    this.#client = new HttpClient({
      env: context.env,
      secrets: { origin: location.url.origin, headers: secretHeaders(inputs) },
      connectTimeoutMs: PATIENCE.connectTimeoutMs,
      connections: inputs.concurrency,
    })
    this.#patience = new Patience(inputs, context)
    this.progress = new Progress(this.#client.traffic, context.log)
    const { signal, stall, attemptsFor } = this.#patience
    this.requests = { ...inputs, ...PATIENCE, client: this.#client, signal, stall, attemptsFor }
  }

  /** `https://host/owner/name` of the repository that the snapshot is of. */
  get remoteUrl(): string {
    const { githubServerUrl, repository } = this.inputs
    return `${githubServerUrl.origin}/${repository.owner}/${repository.name}`
  }

  report(restored: Pick<Report, 'commit' | 'etag' | 'unpackedBytes' | 'files'>): Report {
    const { owner, name } = this.inputs.repository
    return {
      ...restored,
      ...this.#client.traffic,
      source: this.#source,
      repository: `${owner}/${name}`,
      retries: this.#patience.retried,
      openMs: this.timing.milliseconds('open'),
      restoreMs: this.timing.milliseconds('restore'),
      settleMs: this.timing.milliseconds('settle'),
      totalMs: performance.now() - this.#began,
    }
  }

  async close(): Promise<void> {
    this.#patience.end()
    this.progress.end()
    await this.#client.close()
  }
}
