import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { expectParity, type Scenario } from './support/checkout-scenario.ts'
import { change, useSite } from './support/site.ts'

const site = useSite()

/** Settings that a complete clone does not need. */
const PARTIAL_CLONE = /\t(remote\.origin\.(promisor|partialclonefilter)|core\.repositoryformatversion)=/

async function leaveFiles(directory: string): Promise<void> {
  await writeFile(join(directory, 'left.txt'), 'from the job before')
  await writeFile(join(directory, 'README.md'), 'changed')
}

const inputs: Scenario[] = [
  {
    name: 'the input ref with a branch',
    arrange: async ({ upstream, tip }) => {
      await upstream.git('branch', 'feature/one', 'main~1')
      await upstream.commit(change('feature.txt'), { branch: 'feature/one' })
      return { github: { sha: tip }, inputs: { ref: 'feature/one' } }
    },
  },
  {
    name: 'the input ref with a branch in full',
    arrange: async ({ upstream, tip }) => {
      await upstream.git('branch', 'feature', 'main')
      await upstream.commit(change('feature.txt'), { branch: 'feature' })
      return { github: { sha: tip }, inputs: { ref: 'refs/heads/feature' } }
    },
  },
  {
    name: 'the input ref with a branch that the snapshot has an older commit of',
    arrange: async ({ forge, upstream, tip }) => {
      await upstream.commit(change('one.txt'), { branch: 'feature' })
      await forge.snapshot(upstream)
      await upstream.commit(change('two.txt'), { branch: 'feature' })
      return { github: { sha: tip }, inputs: { ref: 'feature' } }
    },
  },
  {
    name: 'the input ref with a tag',
    arrange: async ({ upstream, tip }) => {
      await upstream.git('tag', '--annotate', '--message=one', 'v1', `${tip}~1`)
      return { github: { sha: tip }, inputs: { ref: 'v1' } }
    },
  },
  {
    name: 'the input ref with a name that a branch and a tag have',
    arrange: async ({ upstream, tip }) => {
      await upstream.commit(change('both.txt'), { branch: 'both' })
      await upstream.git('tag', 'both', tip)
      return { github: { sha: tip }, inputs: { ref: 'both', 'fetch-tags': 'true' } }
    },
  },
  {
    name: 'the input ref with a commit',
    arrange: async ({ upstream, tip }) => {
      const ref = await upstream.git('rev-parse', 'main~1')
      return {
        github: { sha: tip },
        inputs: { ref },
        outputs: { outcome: 'restored', 'freshened-by': 'none' },
      }
    },
  },
  {
    name: 'the input ref with the head of a pull request',
    arrange: async ({ upstream, tip }) => {
      await upstream.pullRequest(7, change('pull.txt'))
      return { github: { sha: tip }, inputs: { ref: 'refs/pull/7/head' } }
    },
  },
  {
    name: 'another repository, whose default branch has another name',
    arrange: async ({ forge, tip }) => {
      const other = await forge.makeRepository('octo/other')
      await other.commit(change('trunk.txt'), { branch: 'trunk' })
      await other.git('symbolic-ref', 'HEAD', 'refs/heads/trunk')
      await forge.snapshot(other)
      await other.commit(change('newer.txt'), { branch: 'trunk' })
      return { github: { sha: tip }, inputs: { repository: 'octo/other' } }
    },
  },
  {
    name: 'the workflow’s own repository, written in another case',
    arrange: ({ tip }) => ({
      github: { sha: tip, repository: 'Octo/Project' },
      inputs: { repository: 'octo/project' },
    }),
  },
  {
    name: 'the input path',
    arrange: ({ tip }) => ({ github: { sha: tip }, inputs: { path: 'some/where' } }),
  },
  {
    name: 'fetch-tags',
    arrange: async ({ forge, upstream, tip }) => {
      await upstream.git('tag', 'gone', tip)
      await upstream.git('tag', 'moved', tip)
      await forge.snapshot(upstream)
      await upstream.git('tag', '--delete', 'gone')
      await upstream.git('tag', '--force', 'moved', `${tip}~1`)
      await upstream.git('tag', '--annotate', '--message=new', 'new', tip)
      return { github: { sha: tip }, inputs: { 'fetch-tags': 'true' } }
    },
  },
  {
    name: 'fetch-tags for a tag',
    arrange: async ({ upstream, tip }) => {
      await upstream.git('tag', '--annotate', '--message=one', 'v1', tip)
      await upstream.git('tag', 'v0', `${tip}~1`)
      return { github: { ref: 'refs/tags/v1', sha: tip }, inputs: { 'fetch-tags': 'true' } }
    },
  },
  {
    name: 'fetch-depth 0',
    arrange: async ({ forge, upstream, tip }) => {
      await upstream.commit(change('gone.txt'), { branch: 'gone' })
      await upstream.git('tag', 'v0', tip)
      await forge.snapshot(upstream)
      await upstream.git('branch', '--delete', '--force', 'gone')
      await upstream.commit(change('new.txt'), { branch: 'new' })
      await upstream.git('tag', '--annotate', '--message=one', 'v1', tip)
      return { github: { sha: await upstream.commit(change('newer.txt')) }, inputs: { 'fetch-depth': '0' } }
    },
  },
  {
    name: 'fetch-depth 0 for a branch that moved on',
    arrange: async ({ upstream }) => {
      const sha = await upstream.commit(change('wanted.txt'))
      await upstream.commit(change('too-new.txt'))
      return { github: { sha }, inputs: { 'fetch-depth': '0' } }
    },
  },
  {
    name: 'fetch-depth 0 for a pull request',
    arrange: async ({ upstream }) => {
      const { merge } = await upstream.pullRequest(7, change('pull.txt'))
      return {
        github: { eventName: 'pull_request', ref: 'refs/pull/7/merge', sha: merge },
        inputs: { 'fetch-depth': '0' },
      }
    },
  },
  {
    name: 'a sparse checkout of directories',
    arrange: ({ tip }) => ({
      github: { sha: tip },
      inputs: { 'sparse-checkout': 'src\nbin' },
      mayDiffer: PARTIAL_CLONE,
    }),
  },
  {
    name: 'a sparse checkout of patterns',
    arrange: ({ tip }) => ({
      github: { sha: tip },
      inputs: { 'sparse-checkout': '/src/*.ts\n!/src/new.ts', 'sparse-checkout-cone-mode': 'false' },
      mayDiffer: PARTIAL_CLONE,
    }),
  },
  {
    name: 'persist-credentials: false',
    arrange: ({ tip }) => ({ github: { sha: tip }, inputs: { 'persist-credentials': 'false' } }),
  },
  {
    name: 'clean: false after a job that left files',
    arrange: ({ tip }) => ({
      github: { sha: tip },
      inputs: { clean: 'false' },
      outputs: { outcome: 'reused', 'freshened-by': 'none' },
      afterwards: leaveFiles,
    }),
  },
  {
    name: 'clean after a job that left files',
    arrange: ({ tip }) => ({
      github: { sha: tip },
      outputs: { outcome: 'reused', 'freshened-by': 'none' },
      afterwards: leaveFiles,
    }),
  },
]

describe('from a snapshot the action leaves what actions/checkout leaves', () => {
  it.for(inputs)('for $name', (scenario, context) => expectParity(site, scenario, context))
})
