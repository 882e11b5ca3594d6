import type { ByteStream } from '../byte-stream.ts'
import type { DownloadOptions } from '../download/download.ts'
import { ActionError } from '../errors.ts'
import type { Target } from '../git/wanted.ts'
import type { Headers } from '../http/client.ts'
import { Tracer } from '../http/tracer.ts'
import type { Inputs } from '../inputs.ts'
import type { Context } from '../job.ts'
import { Progress, type ProgressPart } from '../report/progress.ts'
import type { Report } from '../report/report.ts'
import type { CachewLocation, Location, SnapshotSource, Somewhere } from '../snapshot/locate.ts'
import type { OpenOptions, Snapshot } from '../snapshot/open.ts'
import { ensureRefs, SHORTCUT_LIMITS, type ShortcutOptions } from '../snapshot/shortcut.ts'
import { addressedSnapshot } from './addressed-snapshot.ts'
import { cachedSnapshot } from './cached-snapshot.ts'
import { withDigest } from './digest.ts'
import type { Lap } from './first-good.ts'
import { type IdToken, idTokenFor } from './id-token.ts'
import type { StoreUse } from './kept-snapshot.ts'
import { Mirror } from './mirror.ts'
import { Mirrors } from './mirrors.ts'
import { PATIENCE, Patience } from './patience.ts'

/** What came of a snapshot. `bad`: its own bytes are to blame; `unsure`: something else is, or nobody knows. */
export type Verdict = 'good' | 'bad' | 'unsure'

/** A snapshot whose first reply is there. */
export interface Opened extends Pick<Snapshot, 'commit' | 'etag' | 'total' | 'modifiedMs'> {
  readonly source: SnapshotSource
  /** The host that has it, or that this machine has kept it of; undefined for the Actions cache. */
  readonly host: string | undefined
  /** How messages call it. */
  readonly place: string
  /** The bytes of its `tar.zst`, to be asked for once. */
  stream(): ByteStream
  /** Where it is there: to be told, once, what came of it. Says whether this machine has it then; never rejects. */
  readonly ended?: (verdict: Verdict) => Promise<'kept' | 'dropped'>
}

interface SessionParts {
  readonly inputs: Inputs
  readonly context: Context
  readonly mirrors: Mirrors
  readonly patience: Patience
  readonly idToken: IdToken | undefined
  readonly progress: Progress | ProgressPart
  /** Aborted, nothing is opened any more; what is open goes on. */
  readonly closing?: AbortSignal
}

/** A part of what a session has. */
export interface SessionPart extends Pick<OpenOptions, 'concurrency' | 'signal'> {
  readonly closing: AbortSignal
}

/** What the attempts of one restore share: the way to the snapshot's source, and what went over it. Close it. */
export class Session {
  readonly progress: Progress | ProgressPart
  readonly #parts: SessionParts
  readonly #mirrors: Mirrors
  readonly #patience: Patience

  private constructor(parts: SessionParts) {
    this.progress = parts.progress
    this.#parts = parts
    this.#mirrors = parts.mirrors
    this.#patience = parts.patience
  }

  static begin({ places }: Somewhere, inputs: Inputs, context: Context): Session {
    const { env, log, debug } = context
    const patience = new Patience(inputs, context)
    const idToken = idTokenFor(inputs, context, patience)
    const tracer = debug === undefined ? undefined : new Tracer(debug)
    const mirrorAt = (location: Location): Mirror =>
      Mirror.at(location, { inputs, env, bearer: idToken, tracer })
    const [first, ...others] = places
    const mirrors = new Mirrors([mirrorAt(first), ...others.map(mirrorAt)], log)
    return new Session({ inputs, context, mirrors, patience, idToken, progress: new Progress(mirrors, log) })
  }

  /**
   * The way to another repository of the server that has answered, with so many requests at a time. What goes over it
   * counts here, and it ends with this one: it is not to be closed.
   */
  beside(location: CachewLocation, { concurrency, signal, closing }: SessionPart): Session {
    const { inputs, context } = this.#parts
    return new Session({
      ...this.#parts,
      inputs: { ...inputs, concurrency, sha256: undefined },
      context: { ...context, signal },
      closing,
      mirrors: this.#mirrors.beside(location),
      progress: this.progress.part(),
    })
  }

  /** Of the server that has answered; before that, of the one that is to be asked first. */
  get location(): Location {
    return this.#mirrors.first.location
  }

  /** How the snapshot is asked for there. */
  get requests(): OpenOptions & DownloadOptions {
    return this.#requestsTo(this.#mirrors.first)
  }

  /** How that server is asked for what it has beside the snapshot. */
  get shortcuts(): ShortcutOptions {
    return this.#shortcutsOf(this.#mirrors.first)
  }

  /** Whether it is known which server that is. */
  get isSettled(): boolean {
    return this.#mirrors.isSettled
  }

  /** The signal ends what has not been read of the snapshot, too. */
  async open(target: Target, over: AbortSignal, use: StoreUse): Promise<Opened> {
    const { sha256 } = this.#parts.inputs
    this.progress.begin()
    const opened = await this.#openInTime(target, over, use)
    this.progress.expect(opened.total)
    if (opened.source === 'store') this.progress.end()
    if (sha256 === undefined) return opened
    const { place } = opened
    return { ...opened, stream: () => withDigest(opened.stream(), { sha256, place }) }
  }

  /** After a failure of what the server that has answered sent: how the next one is called, which is then opened. */
  turnAway(): string | undefined {
    return this.#mirrors.turnAway()?.origin
  }

  /** An error about what that server sent, which says where that is: see Mirrors. */
  naming(error: ActionError, place: string | undefined): ActionError {
    return this.#mirrors.naming(error, place)
  }

  /** Asks for a commit, all servers where it is not known which one answers: that settles it. */
  async ensureRefs(commit: string, signal: AbortSignal): ReturnType<typeof ensureRefs> {
    const { first } = this.#mirrors
    if (this.isSettled) return this.#ensureRefsAt(first, commit, signal)
    const question = async (mirror: Mirror, lap: Lap): ReturnType<typeof ensureRefs> => {
      const answer = await this.#ensureRefsAt(mirror, commit, lap.signal)
      if (answer !== 'unavailable') return answer
      throw new ActionError('NOT_FOUND', `no word from ${mirror.origin}`)
    }
    return this.#mirrors.ask(question, signal).catch(() => {
      signal.throwIfAborted()
      return 'unavailable'
    })
  }

  /** What git is to say to the server that has answered, and to nobody else. */
  secretHeaders(): Promise<Headers> {
    return this.#mirrors.first.secretHeaders()
  }

  /** What went over the wire so far. */
  get traffic(): Pick<Report, 'bytes' | 'requests' | 'retries' | 'repeats'> {
    const { retried: retries, repeats } = this.#patience
    return { ...this.#mirrors.traffic, retries, repeats }
  }

  async close(): Promise<void> {
    this.#patience.end()
    this.progress.end()
    await Promise.all([this.#parts.idToken?.close(), this.#mirrors.close()])
  }

  /** Of the download. */
  get #signal(): AbortSignal {
    return AbortSignal.any([this.#patience.signal, this.#parts.context.signal])
  }

  #requestsTo({ client }: Mirror): OpenOptions & DownloadOptions {
    const { stall, attemptsFor } = this.#patience
    return { ...this.#parts.inputs, ...PATIENCE, client, signal: this.#signal, stall, attemptsFor }
  }

  /** The snapshot's time limit is not theirs: what they bring is needed after it is there. */
  #shortcutsOf({ shortcutClient: client }: Mirror): ShortcutOptions {
    const { log, signal } = this.#parts.context
    return { client, stall: this.#patience.stall, signal, log, limits: SHORTCUT_LIMITS }
  }

  async #ensureRefsAt(mirror: Mirror, commit: string, signal: AbortSignal): ReturnType<typeof ensureRefs> {
    const { location } = mirror
    if (location.kind !== 'cachew') return 'unavailable'
    return ensureRefs(location.ensureRefs, commit, { ...this.#shortcutsOf(mirror), signal })
  }

  async #openInTime(target: Target, over: AbortSignal, use: StoreUse): Promise<Opened> {
    const { closing } = this.#parts
    closing?.throwIfAborted()
    const closed = new AbortController()
    const close = (): void => closed.abort(closing?.reason)
    closing?.addEventListener('abort', close)
    try {
      return await this.#openSource(target, AbortSignal.any([this.#signal, over, closed.signal]), use)
    } finally {
      closing?.removeEventListener('abort', close)
    }
  }

  async #openSource(target: Target, signal: AbortSignal, use: StoreUse): Promise<Opened> {
    const { inputs, context } = this.#parts
    const attemptsFor = this.#patience.discoveryAttempts
    const { location, client } = this.#mirrors.first
    if (location.kind === 'actions-cache') {
      const requests = { ...this.requests, attemptsFor, signal }
      return cachedSnapshot(target, {
        ...location,
        client,
        download: this.requests,
        requests,
        inputs,
        context,
      })
    }
    const requestsTo = (mirror: Mirror): OpenOptions => ({ ...this.#requestsTo(mirror), attemptsFor })
    const downloadFrom = (mirror: Mirror): DownloadOptions => this.#requestsTo(mirror)
    return addressedSnapshot(this.#mirrors, { requestsTo, downloadFrom, inputs, context, use, signal })
  }
}
