import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { errorsOf, expectRestored } from './support/action-run.ts'
import { expectParity, nestSubmodules, runBoth, type Scenario } from './support/checkout-scenario.ts'
import { git } from './support/git-repo.ts'
import { makePlace } from './support/place.ts'
import { change, runJob, runReference, type Site, useSite } from './support/site.ts'

const site = useSite()

const restored = { outcome: 'restored', 'freshened-by': 'none' }

const commits: Scenario[] = [
  {
    name: 'a push that the snapshot holds',
    arrange: ({ tip }) => ({ github: { sha: tip }, outputs: restored }),
  },
  {
    name: 'a push newer than the snapshot',
    arrange: async ({ upstream }) => ({
      github: { sha: await upstream.commit(change('newer.txt')) },
      outputs: { outcome: 'restored', 'freshened-by': 'bundle' },
    }),
  },
  {
    name: 'a push older than the snapshot',
    arrange: async ({ upstream }) => ({
      github: { sha: await upstream.git('rev-parse', 'main~2') },
      outputs: restored,
    }),
  },
  {
    name: 'a push after which the branch moved on, both newer than the snapshot',
    arrange: async ({ upstream }) => {
      const sha = await upstream.commit(change('wanted.txt'))
      await upstream.commit(change('too-new.txt'))
      return { github: { sha }, outputs: { outcome: 'restored', 'freshened-by': 'bundle' } }
    },
  },
  {
    name: 'a branch that has nothing in common with the snapshot',
    arrange: async ({ upstream }) => ({
      github: {
        ref: 'refs/heads/pages',
        sha: await upstream.commit(change('index.html'), { branch: 'pages' }),
      },
      outputs: { outcome: 'restored', 'freshened-by': 'server' },
    }),
  },
  {
    name: 'a branch that was pushed by force since the snapshot',
    arrange: async ({ upstream }) => {
      await upstream.git('update-ref', 'refs/heads/main', 'main~2')
      return { github: { sha: await upstream.commit(change('other.txt')) }, outputs: { outcome: 'restored' } }
    },
  },
  {
    name: 'a commit that no branch has any more',
    arrange: async ({ upstream }) => {
      const sha = await upstream.commit(change('lost.txt'))
      await upstream.git('update-ref', 'refs/heads/main', 'main~2')
      return { github: { sha }, outputs: { outcome: 'restored', 'freshened-by': 'server' } }
    },
  },
  {
    name: 'the merge of a pull request',
    arrange: async ({ upstream }) => {
      const { merge } = await upstream.pullRequest(7, change('pull.txt'))
      return { github: { eventName: 'pull_request', ref: 'refs/pull/7/merge', sha: merge } }
    },
  },
  {
    name: 'a merge of a pull request that was made anew since',
    arrange: async ({ upstream }) => {
      const { merge } = await upstream.pullRequest(7, change('pull.txt'))
      await upstream.pullRequest(7, change('second.txt'))
      return { github: { eventName: 'pull_request', ref: 'refs/pull/7/merge', sha: merge } }
    },
  },
  {
    name: 'the merge of a pull request that is the commit of the snapshot',
    arrange: async ({ upstream, tip }) => {
      await upstream.git('update-ref', 'refs/pull/7/merge', tip)
      return { github: { eventName: 'pull_request', ref: 'refs/pull/7/merge', sha: tip }, outputs: restored }
    },
  },
  {
    name: 'a commit that is the one of the snapshot',
    arrange: ({ tip }) => ({ github: { sha: tip }, inputs: { ref: tip }, outputs: restored }),
  },
  {
    name: 'an annotated tag',
    arrange: async ({ upstream, tip }) => {
      await upstream.git('tag', '--annotate', '--message=one', 'v1', tip)
      return { github: { ref: 'refs/tags/v1', sha: tip } }
    },
  },
  {
    name: 'a light tag',
    arrange: async ({ upstream }) => {
      const sha = await upstream.git('rev-parse', 'main~1')
      await upstream.git('tag', 'v1', sha)
      return { github: { ref: 'refs/tags/v1', sha } }
    },
  },
  {
    name: 'a tag that the snapshot has as another kind of tag',
    arrange: async ({ forge, upstream, tip }) => {
      await upstream.git('tag', 'v1', tip)
      await forge.snapshot(upstream)
      await upstream.git('tag', '--force', '--annotate', '--message=one', 'v1', tip)
      return { github: { ref: 'refs/tags/v1', sha: tip } }
    },
  },
  {
    name: 'a release',
    arrange: async ({ upstream, tip }) => {
      await upstream.git('tag', '--annotate', '--message=one', 'v1', tip)
      return { github: { eventName: 'release', ref: 'refs/tags/v1', sha: tip } }
    },
  },
  {
    name: 'an event whose ref is a bare name',
    arrange: ({ tip }) => ({ github: { eventName: 'pull_request', ref: 'main', sha: tip } }),
  },
  {
    name: 'a repository of SHA-256',
    arrange: async ({ forge }) => {
      const upstream = await forge.makeRepository('octo/modern', { objectFormat: 'sha256' })
      await forge.snapshot(upstream)
      return { upstream, github: { sha: await upstream.commit(change('newer.txt')) } }
    },
  },
]

describe('from a snapshot the action leaves what actions/checkout leaves', () => {
  it.for(commits)('for $name', (scenario, context) => expectParity(site, scenario, context))
})

/** Without a snapshot the action is to do the very same, so its history is as short too. */
const plain: Scenario[] = [
  {
    name: 'a push',
    arrange: ({ tip }) => ({ github: { sha: tip } }),
  },
  {
    name: 'a fetch-depth',
    arrange: ({ tip }) => ({ github: { sha: tip }, inputs: { 'fetch-depth': '2', 'fetch-tags': 'true' } }),
  },
  {
    name: 'a filter',
    arrange: ({ tip }) => ({ github: { sha: tip }, inputs: { filter: 'blob:none', 'fetch-depth': '0' } }),
  },
  {
    name: 'a sparse checkout',
    arrange: ({ tip }) => ({ github: { sha: tip }, inputs: { 'sparse-checkout': 'src' } }),
  },
  {
    name: 'a tag',
    arrange: async ({ upstream, tip }) => {
      await upstream.git('tag', '--annotate', '--message=one', 'v1', tip)
      return { github: { ref: 'refs/tags/v1', sha: tip } }
    },
  },
  {
    name: 'a repository of SHA-256',
    arrange: async ({ forge }) => {
      const upstream = await forge.makeRepository('octo/modern', { objectFormat: 'sha256' })
      return { upstream, github: { sha: await upstream.git('rev-parse', 'main') } }
    },
  },
  {
    name: 'submodules of submodules',
    arrange: async (site) => ({
      github: { sha: await nestSubmodules(site) },
      inputs: { submodules: 'recursive' },
    }),
  },
]

describe('without a snapshot the action leaves what actions/checkout leaves', () => {
  it.each(plain)('for $name', async (scenario) => {
    const arranged = await scenario.arrange(site)
    const outputs = { outcome: 'fetched', 'freshened-by': 'none' }
    const { theirs, ours } = await runBoth(site, { ...arranged, outputs, env: { GIT_SNAPSHOT_DISABLE: '1' } })
    expect(ours).toEqual(theirs)
    expect(site.forge.snapshots.log).toEqual([])
  })
})

describe('a tag that was moved after the trigger is refused, as actions/checkout does', () => {
  const words = /updated after the workflow was triggered/

  it.each([
    ['where the snapshot has no tag', {}, async () => {}],
    ['where the snapshot has it as it was', {}, ({ forge, upstream }: Site) => forge.snapshot(upstream)],
    ['with all history', { 'fetch-depth': '0' }, ({ forge, upstream }: Site) => forge.snapshot(upstream)],
  ])('%s', async (_, inputs, beforeTheMove) => {
    await site.upstream.git('tag', 'v1', site.tip)
    await beforeTheMove(site)
    await site.upstream.git('tag', '--force', 'v1', `${site.tip}~1`)
    const job = { github: { ref: 'refs/tags/v1', sha: site.tip }, inputs }
    await expect(runReference(site, job, makePlace())).rejects.toThrow(words)
    const result = await runJob(site, job)
    expect(result.exitCode).toBe(1)
    expect(errorsOf(result)).toEqual([expect.stringMatching(words)])
  })
})

it('refuses the code of a fork’s pull request where the job has secrets, and leaves it out unless told otherwise', async () => {
  const { merge } = await site.upstream.pullRequest(7, change('pull.txt'))
  const payload = {
    repository: { id: 1 },
    pull_request: { head: { sha: merge, repo: { id: 2, full_name: 'someone/project' } } },
  }
  const github = { eventName: 'pull_request_target', sha: site.tip, payload }
  const inputs = { ref: 'refs/pull/7/merge' }
  const refused = await runJob(site, { github, inputs })
  expect(refused.exitCode).toBe(1)
  expect(errorsOf(refused)).toEqual([expect.stringContaining('allow-unsafe-pr-checkout')])
  expect([...site.forge.github.log, ...site.forge.snapshots.log]).toEqual([])
  const own = await runJob(site, { github })
  expect(own.outputs.commit).toBe(site.tip)
  const allowed = await runJob(site, { github, inputs: { ...inputs, 'allow-unsafe-pr-checkout': 'true' } })
  expect(allowed.outputs.commit).toBe(merge)
})

it('lets actions/checkout go on in its working copy', async () => {
  const place = makePlace()
  expectRestored(await runJob(site, { github: { sha: site.tip } }, place))
  await writeFile(join(place.workspace, '.git', 'kept'), '')
  const sha = await site.upstream.commit(change('newer.txt'))
  expect(await runReference(site, { github: { sha } }, place)).toMatchObject({ commit: sha })
  expect(await git(place.workspace, 'status', '--porcelain', '--ignored')).toBe('')
  await expect(git(place.workspace, 'rev-parse', '--git-path', 'kept')).resolves.toBe('.git/kept')
})
