import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { errorsOf, expectRestored, temporary } from './support/action-run.ts'
import { storeLfsObject } from './support/git-lfs-http.ts'
import { git } from './support/git-repo.ts'
import { findProgram, skipWithout } from './support/programs.ts'
import {
  commitSubmodules,
  type Job,
  makePlace,
  portraitAt,
  runJob,
  runReference,
  type Site,
  startSite,
} from './support/site.ts'
import { SSH_PROGRAMS, startSshServer } from './support/ssh-server.ts'

type Scenario = {
  readonly name: string
  /** Brings the repository to where the job finds it, and tells the job. `main` and its snapshot are there. */
  readonly arrange: (site: Site) => Promise<Arranged> | Arranged
  /** Programs that it needs. */
  readonly needs?: readonly string[]
}

type Arranged = Job & {
  /** Outputs that the step has to give. */
  readonly outputs?: Readonly<Record<string, string>>
  /** Settings that a complete clone does not need. */
  readonly mayDiffer?: RegExp
  /** What a job does to its working copy before the same job runs there again. */
  readonly afterwards?: (directory: string) => Promise<void>
}

const PARTIAL_CLONE = /\t(remote\.origin\.(promisor|partialclonefilter)|core\.repositoryformatversion)=/

const change = (path: string) => [{ path, content: `${path}\n` }]
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
      return { github: { sha: tip }, inputs: { ref }, outputs: restored }
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
      afterwards: async (directory) => {
        await writeFile(join(directory, 'left.txt'), 'from the job before')
        await writeFile(join(directory, 'README.md'), 'changed')
      },
    }),
  },
  {
    name: 'clean after a job that left files',
    arrange: ({ tip }) => ({
      github: { sha: tip },
      outputs: { outcome: 'reused', 'freshened-by': 'none' },
      afterwards: async (directory) => {
        await writeFile(join(directory, 'left.txt'), 'from the job before')
        await writeFile(join(directory, 'README.md'), 'changed')
      },
    }),
  },
]

const beyondGit: Scenario[] = [
  {
    name: 'submodules',
    arrange: async (site) => ({
      github: { sha: await nestSubmodules(site) },
      inputs: { submodules: 'true' },
    }),
  },
  {
    name: 'submodules of submodules',
    arrange: async (site) => ({
      github: { sha: await nestSubmodules(site) },
      inputs: { submodules: 'recursive' },
    }),
  },
  {
    name: 'submodules of submodules with all history and without credentials afterwards',
    arrange: async (site) => ({
      github: { sha: await nestSubmodules(site) },
      inputs: { submodules: 'recursive', 'fetch-depth': '0', 'persist-credentials': 'false' },
    }),
  },
  {
    name: 'Git LFS',
    needs: ['git-lfs'],
    arrange: async ({ forge, upstream }) => {
      const { directory } = upstream
      await upstream.commit([
        { path: '.gitattributes', content: '*.dat filter=lfs diff=lfs merge=lfs -text\n' },
        { path: 'held.dat', content: await storeLfsObject(directory, Buffer.from('in the snapshot')) },
      ])
      await forge.snapshot(upstream)
      const pointer = await storeLfsObject(directory, Buffer.from('newer than the snapshot'))
      return {
        github: { sha: await upstream.commit([{ path: 'newer.dat', content: pointer }]) },
        inputs: { lfs: 'true' },
      }
    },
  },
  {
    name: 'Git LFS not asked for',
    needs: ['git-lfs'],
    arrange: async ({ forge, upstream }) => {
      const pointer = await storeLfsObject(upstream.directory, Buffer.from('not wanted'))
      const sha = await upstream.commit([
        { path: '.gitattributes', content: '*.dat filter=lfs diff=lfs merge=lfs -text\n' },
        { path: 'large.dat', content: pointer },
      ])
      await forge.snapshot(upstream)
      return { github: { sha } }
    },
  },
  {
    name: 'a key for SSH',
    needs: SSH_PROGRAMS,
    arrange: async ({ forge, tip }) => {
      const server = await startSshServer(join(temporary(), 'ssh'))
      onTestFinished(() => server.close())
      return {
        github: { sha: tip },
        inputs: {
          'ssh-key': server.key,
          'ssh-known-hosts': server.knownHosts,
          'ssh-user': server.user,
          'fetch-tags': 'true',
        },
        ssh: await sshTo(server.port, forge.repositories),
      }
    },
  },
]

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

describe('from a snapshot the action leaves what actions/checkout leaves', () => {
  it.for([...commits, ...inputs, ...beyondGit])('for $name', async (scenario, context) => {
    skipWithout(context, ...(scenario.needs ?? []))
    const site = await startSite()
    const { theirs, ours } = await runBoth(site, await scenario.arrange(site))
    const { shallow: _, ...complete } = theirs
    expect(ours).toEqual({ ...complete, shallow: [] })
  })
})

describe('without a snapshot the action leaves what actions/checkout leaves', () => {
  it.each(plain)('for $name', async (scenario) => {
    const site = await startSite()
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
    const site = await startSite()
    await site.upstream.git('tag', 'v1', site.tip)
    await beforeTheMove(site)
    await site.upstream.git('tag', '--force', 'v1', `${site.tip}~1`)
    const job = { github: { ref: 'refs/tags/v1', sha: site.tip }, inputs }
    await expect(runReference(site, job, await makePlace())).rejects.toThrow(words)
    const result = await runJob(site, job)
    expect(result.exitCode).toBe(1)
    expect(errorsOf(result)).toEqual([expect.stringMatching(words)])
  })
})

it('refuses the code of a fork’s pull request where the job has secrets, and leaves it out unless told otherwise', async () => {
  const site = await startSite()
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
  const site = await startSite()
  const place = await makePlace()
  expectRestored(await runJob(site, { github: { sha: site.tip } }, place))
  await writeFile(join(place.workspace, '.git', 'kept'), '')
  const sha = await site.upstream.commit(change('newer.txt'))
  expect(await runReference(site, { github: { sha } }, place)).toMatchObject({ commit: sha })
  expect(await git(place.workspace, 'status', '--porcelain', '--ignored')).toBe('')
  await expect(git(place.workspace, 'rev-parse', '--git-path', 'kept')).resolves.toBe('.git/kept')
})

/** Runs the job by the action and by the reference, each in a place of its own. */
async function runBoth(site: Site, arranged: Arranged) {
  const { mayDiffer, outputs = {}, afterwards } = arranged
  const [reference, place] = [await makePlace(), await makePlace()]
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

/** Submodules two deep, by a relative address and by one of SSH, and the commit of `main` that has them. */
async function nestSubmodules({ forge, upstream }: Site): Promise<string> {
  const inner = await forge.makeRepository('octo/inner', { history: [change('inner.txt')] })
  const outer = await forge.makeRepository('octo/outer', { history: [change('outer.txt')] })
  const commit = await commitSubmodules(outer, [
    { path: 'deep/inner', url: 'git@127.0.0.1:octo/inner.git', commit: await inner.git('rev-parse', 'main') },
  ])
  return commitSubmodules(upstream, [{ path: 'libs/outer', url: '../outer.git', commit }])
}

/** An `ssh` that finds the server on its port, and the repositories below the directory. */
async function sshTo(port: number, repositories: string): Promise<string> {
  const program = join(temporary(), 'ssh')
  const script = `#!/bin/sh
left=$#
for argument do
  shift
  left=$((left - 1))
  test $left -gt 0 || argument="cd '${repositories}' && $argument"
  set -- "$@" "$argument"
done
exec '${findProgram('ssh')}' -F /dev/null -p ${port} "$@"
`
  await writeFile(program, script)
  await chmod(program, 0o755)
  return program
}
