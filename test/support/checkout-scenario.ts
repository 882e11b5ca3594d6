import { join } from 'node:path'
import { expect, type TestContext } from 'vitest'
import { expectRestored } from './action-run.ts'
import { makePlace } from './place.ts'
import { skipWithout } from './programs.ts'
import { change, commitSubmodules, type Job, portraitAt, runJob, runReference, type Site } from './site.ts'

/** A job that the action and actions/checkout are both given. */
export type Scenario = {
  readonly name: string
  /** Brings the repository to where the job finds it, and tells the job. `main` and its snapshot are there. */
  readonly arrange: (site: Site) => Promise<Arranged> | Arranged
  /** Programs that it needs. */
  readonly needs?: readonly string[]
}

export type Arranged = Job & {
  /** Outputs that the step has to give. */
  readonly outputs?: Readonly<Record<string, string>>
  /** Settings that a complete clone does not need. */
  readonly mayDiffer?: RegExp
  /** What a job does to its working copy before the same job runs there again. */
  readonly afterwards?: (directory: string) => Promise<void>
}

/** Runs the job by the action and by the reference, each in a place of its own. */
export async function runBoth(site: Site, arranged: Arranged) {
  const { mayDiffer, outputs = {}, afterwards } = arranged
  const [reference, place] = [makePlace(), makePlace()]
  const directoryIn = ({ workspace }: { workspace: string }) => join(workspace, arranged.inputs?.path ?? '')
  let expected = await runReference(site, arranged, reference)
  let result = await runJob(site, arranged, place)
  expectRestored(result)
  if (afterwards !== undefined) {
    await result.runPost()
    await afterwards(directoryIn(reference))
    await afterwards(directoryIn(place))
    expected = await runReference(site, arranged, reference)
    result = await runJob(site, arranged, place)
    expectRestored(result)
  }
  expect(result.outputs).toMatchObject({ ...expected, ...outputs })
  const [theirs, ours] = [await portraitAt(reference, arranged), await portraitAt(place, arranged)]
  const compared = (settings: readonly string[]) => settings.filter((line) => !mayDiffer?.test(line))
  return {
    theirs: { ...theirs, config: compared(theirs.config) },
    ours: { ...ours, config: compared(ours.config) },
  }
}

/** Expects a job to be left by the action what actions/checkout leaves, with all history where that has a part. */
export async function expectParity(site: Site, scenario: Scenario, context: TestContext): Promise<void> {
  skipWithout(context, ...(scenario.needs ?? []))
  const { theirs, ours } = await runBoth(site, await scenario.arrange(site))
  const { shallow: _, ...complete } = theirs
  expect(ours).toEqual({ ...complete, shallow: [] })
}

/** Submodules two deep, by a relative address and by one of SSH, and the commit of `main` that has them. */
export async function nestSubmodules({ forge, upstream }: Site): Promise<string> {
  const inner = await forge.makeRepository('octo/inner', { history: [change('inner.txt')] })
  const outer = await forge.makeRepository('octo/outer', { history: [change('outer.txt')] })
  const commit = await commitSubmodules(outer, [
    { path: 'deep/inner', url: 'git@127.0.0.1:octo/inner.git', commit: await inner.git('rev-parse', 'main') },
  ])
  return commitSubmodules(upstream, [{ path: 'libs/outer', url: '../outer.git', commit }])
}
