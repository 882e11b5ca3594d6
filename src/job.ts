import { join } from 'node:path'
import { resolveDestination } from './destination.ts'
import type { Environment } from './environment.ts'
import { Credentials, safeDirectoryEnv } from './git/credentials.ts'
import { gitOutside } from './git/git.ts'
import type { GitRetries, Origin } from './git/origin.ts'
import type { Submodule } from './git/submodule-listing.ts'
import { requireGit } from './git/version.ts'
import { type JobEvent, type Wanted, wantedOf } from './git/wanted.ts'
import { gitRetries } from './git-retries.ts'
import type { Inputs } from './inputs.ts'
import { thinned } from './report/git-progress.ts'
import type { Report } from './report/report.ts'
import { type StageWatch, Timeline } from './report/timeline.ts'
import { Troubles } from './report/trouble.ts'
import type { ToolCache } from './store/store.ts'
import { Timing } from './timing.ts'

/** What a step may use of the world around it. */
export interface Context {
  readonly env: Environment
  readonly event: JobEvent
  /** The runner's temporary directory. */
  readonly temp: string
  /** Aborted, the step ends; unless it works on a clone that was there, the destination is as it was. */
  readonly signal: AbortSignal
  readonly log: (line: string) => void
  /** Told of every request and every git process, where somebody wants to know. */
  readonly debug?: ((line: string) => void) | undefined
  /** Told of the step's stages while they run. */
  readonly stages: StageWatch
  /** The look-ups of `@actions/tool-cache`, in this directory. */
  readonly toolCache: (directory: string) => Promise<ToolCache>
  /** Told what must never be in the log, before it could be. */
  readonly onSecret: (text: string) => void
  /** Told what a step did that then failed, before its error is thrown. */
  readonly onFailure: (report: Report) => Promise<void> | void
  /** One annotation that people see without opening the log; its title is a code of README.md's table. */
  readonly warn: (line: string, title: string) => void
  /** Told where staging is to be, before it is there; see StagingOptions. */
  readonly onStaging: (root: string) => void
  /** Told what there is to remove after the job, before it is there; see `removeCredentials`. */
  readonly onCredentials: (state: string) => void
}

/** One step's work: what it wants, where to, and what lets it in. Close it. */
export class Job {
  readonly inputs: Inputs
  readonly context: Context
  /** Absolute, symlinks resolved. */
  readonly destination: string
  readonly wanted: Wanted
  readonly credentials: Credentials
  readonly origin: Origin
  readonly timeline: Timeline
  /** Git's part after the last file, and the move into place. */
  readonly timing = new Timing<'settle'>()
  readonly troubles = new Troubles()
  #gitIsThere: Promise<void> | undefined

  private constructor(parts: JobParts) {
    this.inputs = parts.inputs
    this.context = parts.context
    this.destination = parts.destination
    this.wanted = parts.wanted
    this.credentials = parts.credentials
    this.timeline = new Timeline(parts.context.stages)
    this.origin = parts.origin
  }

  /** Refuses what must not be done before anything is written. */
  static async begin(inputs: Inputs, given: Context): Promise<Job> {
    const wanted = wantedOf(inputs, given.event)
    const destination = await resolveDestination(inputs.workspace, inputs.destination)
    const safe = inputs.setSafeDirectory ? safeDirectoryEnv(destination, given.env) : {}
    const context = { ...given, env: { ...given.env, ...safe } }
    const { token, ssh, githubServerUrl: serverUrl } = inputs
    const { temp, env, event, onCredentials } = context
    const ownerId = ownerIdOf(event)
    const credentials = await Credentials.create({ temp, serverUrl, token, ssh, ownerId, env, onCredentials })
    const origin = { url: credentials.originUrl(inputs.repository), env: credentials.env }
    return new Job({ inputs, context, destination, wanted, credentials, origin })
  }

  /** The work on a submodule: a clone of all its files, of which neither credentials nor submodules are a part. */
  submodule({ path, url, commit }: Submodule, signal: AbortSignal): Job {
    const log = (line: string): void => this.context.log(`${path}: ${line}`)
    const context = { ...this.context, signal, log, stages: UNWATCHED }
    const origin = { url, env: this.credentials.submoduleEnv }
    const destination = join(this.destination, path)
    const wanted = { ref: '', commit }
    return new Job({
      ...this,
      inputs: { ...this.inputs, ...CLONE_ALONE },
      context,
      destination,
      wanted,
      origin,
    })
  }

  /** Rejects where git is missing or too old; asked once, however often it is called. */
  requireGit(): Promise<void> {
    this.#gitIsThere ??= requireGit(gitOutside(this.inputs.workspace, this.context))
    return this.#gitIsThere
  }

  get repositoryName(): string {
    const { owner, name } = this.inputs.repository
    return `${owner}/${name}`
  }

  /** How git's own network parts are repeated. */
  get retries(): GitRetries {
    return gitRetries(this.context)
  }

  /** Told git's progress, where the inputs want it shown. */
  get onProgress(): ((line: string) => void) | undefined {
    return this.inputs.showProgress ? thinned((line) => this.context.log(`git> ${line}`)) : undefined
  }
}

type JobParts = Pick<Job, 'inputs' | 'context' | 'destination' | 'wanted' | 'credentials' | 'origin'>

const UNWATCHED: StageWatch = { begun: () => {}, ended: () => {} }

const CLONE_ALONE = {
  sparse: undefined,
  fetchTags: false,
  lfs: false,
  submodules: 'none',
  persistCredentials: false,
} as const

/** GitHub's number of the organization that the job's own repository belongs to. */
function ownerIdOf({ payload }: JobEvent): number | undefined {
  const id = (payload as { repository?: { owner?: { id?: unknown } } }).repository?.owner?.id
  return typeof id === 'number' ? id : undefined
}
