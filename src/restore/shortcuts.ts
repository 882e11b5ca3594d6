import { rm, writeFile } from 'node:fs/promises'
import type { Origin } from '../git/origin.ts'
import { type Setting, settingsEnvironment } from '../git/settings.ts'
import { extendedAuthorities } from '../http/authorities.ts'
import type { Headers } from '../http/client.ts'
import type { Job } from '../job.ts'
import type { CachewLocation } from '../snapshot/locate.ts'
import { type ensureRefs, fetchBundle } from '../snapshot/shortcut.ts'
import type { Session } from '../source/session.ts'
import { untilAborted } from '../until-aborted.ts'

interface Asked {
  readonly bundle: ReturnType<typeof fetchBundle>
  readonly ensured: ReturnType<typeof ensureRefs>
}

export interface ShortcutsOptions {
  readonly job: Job
  /** Undefined where there is nobody to ask. */
  readonly session: Session | undefined
  /** The wanted commit. */
  readonly commit: string
  /** Where a bundle may be written. */
  readonly file: string
}

/** How long a clone that is there waits for answers: the ways that are left take about as long. */
const GRACE_MS = 10_000

/**
 * What a Cachew server is asked while the snapshot still streams, so that the answers are there when the tree is.
 * Drop it: often the snapshot held the commit, and nobody needs them.
 */
export class Shortcuts {
  readonly #options: ShortcutsOptions
  readonly #dropped = new AbortController()
  #grace: NodeJS.Timeout | undefined
  #asked: Asked | undefined

  constructor(options: ShortcutsOptions) {
    this.#options = options
  }

  /** Asks for what leads from the snapshot's commit to the wanted one, once, if there is anything to ask. */
  begin(base: string | undefined): void {
    const { session, commit, file } = this.#options
    if (this.#asked !== undefined || base === undefined || base === commit) return
    if (session?.location.kind !== 'cachew') return
    const signal = AbortSignal.any([session.shortcuts.signal, this.#dropped.signal])
    const brought = async (): Asked['bundle'] => {
      const { location, shortcuts } = session
      if (location.kind !== 'cachew') return 'unavailable'
      return fetchBundle(location.bundle(base), { ...shortcuts, signal, file })
    }
    const ensured = session.ensureRefs(commit, signal)
    // Of several servers, the one that answers the first question is asked the second.
    const bundle = session.isSettled
      ? brought()
      : ensured.then((answer) => (answer === 'unavailable' ? answer : brought()))
    this.#asked = { bundle, ensured }
    // What is dropped is rejected, and then nobody listens any more.
    Promise.allSettled([bundle, ensured])
  }

  /** The bundle's file, if there is one. */
  readonly bundle = async (): Promise<string | undefined> => {
    const answer = this.#asked === undefined ? undefined : await this.#inTime(this.#asked.bundle)
    return answer === 'ready' ? this.#options.file : undefined
  }

  /** The server's git endpoint, unless it cannot get the commit, is too slow to say so, or lets nobody in. */
  readonly server = async (): Promise<Origin | undefined> => {
    const { session } = this.#options
    if (session === undefined) return undefined
    const answer = this.#asked === undefined ? 'unavailable' : await this.#inTime(this.#asked.ensured)
    if (answer === 'missing' || answer === undefined || !session.isSettled) return undefined
    const { location } = session
    if (location.kind !== 'cachew') return undefined
    const headers = await this.#inTime(untilAborted(session.secretHeaders(), this.#dropped.signal))
    return headers && this.#gitAt(location, headers)
  }

  async drop(): Promise<void> {
    clearTimeout(this.#grace)
    this.#dropped.abort()
    await Promise.allSettled([this.#asked?.bundle, this.#asked?.ensured])
    await rm(this.#authoritiesFile, { force: true })
  }

  /** Undefined for an answer that does not come within what is left of the grace, which begins with the first wait. */
  async #inTime<T>(answer: Promise<T>): Promise<T | undefined> {
    const { signal } = this.#options.job.context
    this.#grace ??= setTimeout(() => this.#dropped.abort(), GRACE_MS)
    try {
      return await answer
    } catch {
      signal.throwIfAborted()
      return undefined
    }
  }

  /** Beside the bundle. */
  get #authoritiesFile(): string {
    return `${this.#options.file}.authorities`
  }

  /** What is meant for the server alone, secrets and what it is trusted by, git gets for its origin alone. */
  async #gitAt({ git }: CachewLocation, secretHeaders: Headers): Promise<Origin> {
    const { context } = this.#options.job
    const key = `http.${git.origin}/`
    const headers = Object.entries(secretHeaders)
    const settings = headers.map(([name, value]): Setting => [`${key}.extraheader`, `${name}: ${value}`])
    const authorities = extendedAuthorities(context.env)
    if (authorities !== undefined && git.protocol === 'https:') {
      await writeFile(this.#authoritiesFile, authorities)
      settings.push([`${key}.sslCAInfo`, this.#authoritiesFile])
    }
    return { url: git.href, env: settingsEnvironment(settings, context.env) }
  }
}
