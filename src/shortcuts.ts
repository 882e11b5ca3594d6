import { settingsEnvironment } from './git/git.ts'
import type { Origin } from './git/origin.ts'
import type { Job } from './job.ts'
import { secretHeaders } from './request-headers.ts'
import type { Session } from './session.ts'
import type { CachewLocation } from './snapshot/locate.ts'
import { ensureRefs, fetchBundle } from './snapshot/shortcut.ts'

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

/**
 * What a Cachew server is asked while the snapshot still streams, so that the answers are there when the tree is.
 * Drop it: often the snapshot held the commit, and nobody needs them.
 */
export class Shortcuts {
  readonly #options: ShortcutsOptions
  readonly #dropped = new AbortController()
  #asked: Asked | undefined

  constructor(options: ShortcutsOptions) {
    this.#options = options
  }

  /** Asks for what leads from the snapshot's commit to the wanted one, once, if there is anything to ask. */
  begin(base: string | undefined): void {
    const { session, commit, file } = this.#options
    const location = session?.location
    if (this.#asked !== undefined || base === undefined || base === commit) return
    if (session === undefined || location?.kind !== 'cachew') return
    const { shortcuts } = session
    const signal = AbortSignal.any([shortcuts.signal, this.#dropped.signal])
    const bundle = fetchBundle(location.bundle(base), { ...shortcuts, signal, file })
    const ensured = ensureRefs(location.ensureRefs, commit, { ...shortcuts, signal })
    this.#asked = { bundle, ensured }
    // What is dropped is rejected, and then nobody listens any more.
    Promise.allSettled([bundle, ensured])
  }

  /** The bundle's file, if there is one. */
  readonly bundle = async (): Promise<string | undefined> =>
    (await this.#asked?.bundle) === 'ready' ? this.#options.file : undefined

  /** The server's git endpoint, unless it said that it cannot get the commit. */
  readonly server = async (): Promise<Origin | undefined> => {
    const location = this.#options.session?.location
    if (location?.kind !== 'cachew' || (await this.#asked?.ensured) === 'missing') return undefined
    return this.#gitAt(location)
  }

  async drop(): Promise<void> {
    this.#dropped.abort()
    await Promise.allSettled([this.#asked?.bundle, this.#asked?.ensured])
  }

  #gitAt({ git }: CachewLocation): Origin {
    const { inputs, context } = this.#options.job
    const headers = Object.entries(secretHeaders(inputs))
    const key = `http.${git.origin}/.extraheader`
    const settings = headers.map(([name, value]) => [key, `${name}: ${value}`] as const)
    return { url: git.href, env: settingsEnvironment(settings, context.env) }
  }
}
