import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describeError } from '../errors.ts'
import { probeConfig } from '../git/fresh-config.ts'
import { gitIn, isGitFailure } from '../git/git.ts'
import { commitOf } from '../git/refs.ts'
import { findReusable, prepareReuse, type Reusable } from '../git/reuse.ts'
import type { Target } from '../git/wanted.ts'
import type { Job } from '../job.ts'
import type { Arrival } from '../report/report.ts'
import type { Session } from '../source/session.ts'
import { removeLeftovers } from '../unpack/staging.ts'
import { arrive } from './arrival.ts'
import { freshenClone } from './freshening.ts'
import { Shortcuts } from './shortcuts.ts'

/**
 * Takes a clone of this repository that an earlier job left in the destination to the target, in place. Undefined
 * where there is none, or none that is of use: then the destination is to be replaced.
 */
export async function fromWorkspace(
  job: Job,
  target: Target,
  session: Session | undefined,
): Promise<Arrival | undefined> {
  const { destination, origin, context, timing } = job
  if (!existsSync(join(destination, '.git'))) return undefined
  await job.requireGit()
  const reusable = await findReusable(destination, origin.url, context)
  if (reusable === undefined) return undefined
  const file = join(context.temp, `git-snapshot-${randomUUID()}.bundle`)
  const shortcuts = new Shortcuts({ job, session, commit: target.commit, file })
  try {
    return await timing.measure('settle', () => advance({ job, target, reusable, shortcuts }))
  } finally {
    await shortcuts.drop()
    await rm(file, { force: true })
  }
}

interface Reuse {
  readonly job: Job
  readonly target: Target
  readonly reusable: Reusable
  readonly shortcuts: Shortcuts
}

async function advance({ job, target, reusable, shortcuts }: Reuse): Promise<Arrival | undefined> {
  const { inputs, context, destination, origin, timeline } = job
  const gitDirectory = join(destination, '.git')
  const git = gitIn(destination, context)
  const probedConfig = await probeConfig(join(gitDirectory, `probe-${randomUUID()}`), context)
  const place = { destination, reusable, target, probedConfig, remoteUrl: origin.url }
  const prepare = () => prepareReuse({ ...context, ...place, clean: inputs.clean })
  const state = await timeline.measure('reuse', prepare)
  if (state === 'unusable') return undefined
  try {
    await job.credentials.removeEarlier(gitDirectory, git)
    const bundle = async () => {
      shortcuts.begin(await commitOf(git))
      return shortcuts.bundle()
    }
    const { server } = shortcuts
    const freshenedBy = await freshenClone(job, {
      tree: destination,
      clone: 'reused',
      target,
      bundle,
      server,
    })
    const isPartial = reusable.partialFilter !== undefined
    await arrive(job, target, { tree: destination, clone: 'reused', untracked: 'keep', isPartial })
    await removeLeftovers(destination, context.temp)
    return { outcome: 'reused', freshenedBy, commit: target.commit, snapshot: undefined }
  } catch (error) {
    if (context.signal.aborted || !isGitFailure(error)) throw error
    context.log(`the clone in the workspace is replaced: ${describeError(error)}`)
    return undefined
  }
}
