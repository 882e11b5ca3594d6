import type { Probed } from '../git/probe.ts'
import type { Target } from '../git/wanted.ts'
import type { Job } from '../job.ts'
import type { Arrival } from '../report/report.ts'
import type { Session } from '../source/session.ts'
import type { Staging } from '../unpack/staging.ts'
import type { Threads } from '../unpack/threads.ts'
import type { BroughtSubmodules } from './arrival.ts'
import type { Grown } from './publication.ts'

/** Where a clone grows: `root` and `tree` are there, `scratch` is not. */
export type Ground = Pick<Staging, 'root' | 'tree' | 'scratch' | 'disk'>

/** One snapshot on its way to a clone at the target. */
export interface Restoring {
  readonly job: Job
  readonly target: Target
  readonly session: Session
  readonly threads: Threads
  readonly probe: (staging: Ground) => Promise<Probed>
  /** Has the clone grow on fresh ground, anew for each attempt, and takes it from there. */
  readonly publish: (grow: (staging: Ground) => Promise<Grown<Arrival>>) => Promise<Arrival>
  /** Brings submodules from snapshots of their own into the clone, which is checked out. */
  readonly bringSubmodules?: (staging: Ground, probed: Probed) => Promise<BroughtSubmodules>
}
