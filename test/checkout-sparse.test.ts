import { describe, expect, it } from 'vitest'
import { expectParity, nestSubmodules, runBoth, type Scenario } from './support/checkout-scenario.ts'
import type { FileChange } from './support/git-repo.ts'
import { change, commitSubmodules, useSite } from './support/site.ts'

const site = useSite()

/** Settings that a complete clone does not need. */
const mayDiffer = /\t(remote\.origin\.(promisor|partialclonefilter)|core\.repositoryformatversion)=/

const CROSSING: FileChange[] = [
  { path: 'docs/guide.md', content: 'guide\n' },
  { path: 'docs/deep/part.md', content: 'part\n' },
  { path: 'docs/link', content: '../src/main.ts', kind: 'symlink' },
  { path: 'src/out', content: '../docs', kind: 'symlink' },
  { path: 'src/run', content: '#!/bin/sh\n', kind: 'executable' },
]

function lines(name: string, sparse: string): Scenario {
  return {
    name,
    arrange: ({ tip }) => ({ github: { sha: tip }, inputs: { 'sparse-checkout': sparse }, mayDiffer }),
  }
}

/** A snapshot of the commit before, and one with these changes on top of it as the wanted one. */
function newer(name: string, sparse: string, changes: FileChange[]): Scenario {
  return {
    name,
    arrange: async ({ forge, upstream }) => {
      await upstream.commit(CROSSING)
      await forge.snapshot(upstream)
      const sha = await upstream.commit(changes)
      return { github: { sha }, inputs: { 'sparse-checkout': sparse }, mayDiffer }
    },
  }
}

/** The directory `src` where the machine's git is told this. */
function settings(name: string, text: string): Scenario {
  return {
    name,
    arrange: async ({ forge, upstream }) => {
      const sha = await upstream.commit(CROSSING)
      await forge.snapshot(upstream)
      return { github: { sha }, inputs: { 'sparse-checkout': 'src' }, settings: text, mayDiffer }
    },
  }
}

const scenarios: Scenario[] = [
  lines('a directory below others', 'src/many'),
  lines('several directories, one in another', 'src/many\nsrc\nbin\nvery/very'),
  lines('slashes and dots', './bin/\nsrc/../data//'),
  lines('names of other letters and a blank around them', '  data\u00e9t\u00e9\ndata '),
  lines('quotes', '"src"'),
  lines('a directory that is not there', 'none'),
  lines('a file', 'src/main.ts'),
  lines('nothing but the top', '.'),
  {
    name: 'links and modes on both sides',
    arrange: async ({ forge, upstream }) => {
      const sha = await upstream.commit(CROSSING)
      await forge.snapshot(upstream)
      return { github: { sha }, inputs: { 'sparse-checkout': 'src' }, mayDiffer }
    },
  },
  newer('a directory that only the newer commit has', 'new/deep', [
    ...change('new/deep/file.txt'),
    ...change('new/file.txt'),
    ...change('new/other/file.txt'),
  ]),
  newer('files that come, change and go on both sides', 'src', [
    { path: 'README.md', content: 'changed\n' },
    { path: 'src/main.ts', content: 'changed\n' },
    { path: 'src/new.ts' },
    { path: 'src/more/new.ts', content: 'new\n' },
    { path: 'docs/guide.md', content: 'changed\n' },
    { path: 'docs/deep/part.md' },
    { path: 'docs/new.md', content: 'new\n' },
    { path: 'src/run', content: '#!/bin/sh\n' },
  ]),
  newer('a file in the place of a directory', 'docs/deep', [
    { path: 'docs/deep/part.md' },
    { path: 'docs/deep', content: 'a file now\n' },
  ]),
  newer('a directory in the place of a file', 'docs/guide.md', [
    { path: 'docs/guide.md' },
    { path: 'docs/guide.md/part', content: 'a directory now\n' },
  ]),
  newer('a file that moves into the directories', 'src', [
    { path: 'docs/guide.md' },
    { path: 'src/guide.md', content: 'guide\n' },
  ]),
  {
    name: 'submodules on both sides',
    arrange: async ({ forge, upstream }) => {
      const inner = await forge.makeRepository('octo/inner', { history: [change('inner.txt')] })
      const commit = await inner.git('rev-parse', 'main')
      const url = '../inner.git'
      const sha = await commitSubmodules(
        upstream,
        ['top', 'src/in', 'docs/out'].map((path) => ({ path, url, commit })),
      )
      await forge.snapshot(upstream)
      return { github: { sha }, inputs: { 'sparse-checkout': 'src' }, mayDiffer }
    },
  },
  {
    name: 'submodules that are asked for',
    arrange: async (at) => {
      const sha = await nestSubmodules(at)
      await at.forge.snapshot(at.upstream)
      const inputs = { 'sparse-checkout': 'src\nlibs', submodules: 'true' }
      return { github: { sha }, inputs, mayDiffer }
    },
  },
  {
    name: 'a repository of SHA-256',
    arrange: async ({ forge }) => {
      const upstream = await forge.makeRepository('octo/modern', { objectFormat: 'sha256' })
      await forge.snapshot(upstream)
      const sha = await upstream.git('rev-parse', 'main')
      return { upstream, github: { sha }, inputs: { 'sparse-checkout': 'src' }, mayDiffer }
    },
  },
  {
    name: 'line ends by attributes',
    arrange: async ({ forge, upstream }) => {
      const sha = await upstream.commit([
        { path: '.gitattributes', content: '*.crlf text eol=crlf\n' },
        { path: 'src/a.crlf', content: 'one\ntwo\n' },
        { path: 'docs/b.crlf', content: 'one\ntwo\n' },
      ])
      await forge.snapshot(upstream)
      return { github: { sha }, inputs: { 'sparse-checkout': 'src' }, mayDiffer }
    },
  },
  ...(['file', 'symlink'] as const).map(
    (kind): Scenario => ({
      name: `patterns that leave out a ${kind} which is a submodule now`,
      arrange: async ({ forge, upstream, tip }) => {
        await upstream.commit([...change('a.txt'), { path: 'f', content: 'a.txt', kind }])
        await forge.snapshot(upstream)
        const sha = await commitSubmodules(upstream, [{ path: 'f', url: '../inner.git', commit: tip }])
        const inputs = { 'sparse-checkout': '/a.txt', 'sparse-checkout-cone-mode': 'false' }
        return { github: { sha }, inputs, mayDiffer }
      },
    }),
  ),
  settings(
    'a git that takes the lines for patterns',
    '[core]\n\tsparseCheckout = true\n\tsparseCheckoutCone = false\n',
  ),
  settings('a git that takes upper and lower case for one', '[core]\n\tignoreCase = true\n'),
  settings('a git that keeps its index sparse', '[index]\n\tsparse = true\n\tthreads = 4\n'),
  settings('a git that makes other indexes', '[feature]\n\tmanyFiles = true\n[core]\n\tsplitIndex = true\n'),
]

describe('a sparse checkout from a snapshot is what actions/checkout leaves', () => {
  it.for(scenarios)('for $name', (scenario, context) => expectParity(site, scenario, context))
})

it('a sparse checkout leaves what two commits may have in another case', async () => {
  const changes = [...change('SRC/upper.txt'), ...change('src/lower.txt')]
  const sha = await site.upstream.commit(changes)
  await site.forge.snapshot(site.upstream)
  const job = { github: { sha }, inputs: { 'sparse-checkout': 'SRC' }, mayDiffer }
  const { theirs, ours } = await runBoth(site, job)
  expect(ours.tree).toEqual(theirs.tree)
  expect(ours.index).toEqual(theirs.index)
})
