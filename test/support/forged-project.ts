import { beforeAll, beforeEach } from 'vitest'
import { run } from './action-run.ts'
import { type Forge, startForge } from './forge.ts'
import type { Upstream } from './git-repo.ts'
import type { RunOptions, RunResult } from './runner.ts'

/** A repository `octo/project` on a forge, whose snapshot server has a snapshot of its tip. */
export interface ForgedProject {
  readonly forge: Forge
  readonly upstream: Upstream
  /** The commit of the snapshot. */
  readonly tip: string
  /** The built action, for a job about the tip. */
  readonly step: (options?: RunOptions) => Promise<RunResult>
}

/** One for all tests of a file, with these inputs for each step; each test finds its snapshots without a fault. */
export function useForgedProject(inputs: Readonly<Record<string, string>>): ForgedProject {
  const project = {} as { -readonly [Part in keyof ForgedProject]: ForgedProject[Part] }
  beforeAll(async () => {
    const forge = await startForge()
    const upstream = await forge.makeRepository('octo/project')
    await forge.snapshot(upstream)
    const tip = await upstream.git('rev-parse', 'main')
    const step: ForgedProject['step'] = (options = {}) =>
      run({
        ...options,
        inputs: { server: forge.snapshots.url, ...inputs, ...options.inputs },
        github: forge.job(upstream, { sha: tip, ...options.github }),
      })
    Object.assign(project, { forge, upstream, tip, step })
    return () => forge.close()
  })
  beforeEach(() => {
    project.forge.faults.snapshots = undefined
  })
  return project
}
